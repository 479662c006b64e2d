/** The documents that the shadow service answers with (aws-facts 2.2). */
import type { ShadowError } from './errors.ts';
import { emptyMetadata, type JsonObject } from './json.ts';
import { deltaOf, metadataOf, presentSections } from './merge.ts';
import type { UpdateRequest } from './request.ts';
import type { Shadow } from './store.ts';

interface Stamp {
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly clientToken: string | undefined;
}

/** JSON.stringify leaves out what is undefined, the client token of most requests for one. */
function toJson(document: object): string {
  return JSON.stringify(document);
}

/** `update/accepted`: only the fields of the request, and their timestamps. */
export function acceptedDocument(request: UpdateRequest, version: number, stamp: Stamp): string {
  const metadata = emptyMetadata();
  if (request.desired) metadata['desired'] = metadataOf(request.desired, stamp.timestamp);
  if (request.reported) metadata['reported'] = metadataOf(request.reported, stamp.timestamp);
  const { state } = request;
  return toJson({
    state,
    metadata,
    version,
    timestamp: stamp.timestamp,
    clientToken: stamp.clientToken,
  });
}

/** `update/delta`; undefined where desired and reported agree. */
export function deltaDocument(shadow: Shadow, stamp: Stamp): string | undefined {
  const delta = deltaOf(shadow.desired, shadow.reported);
  if (!delta) return undefined;
  return toJson({
    version: shadow.version,
    timestamp: stamp.timestamp,
    state: delta.state,
    metadata: delta.metadata,
    clientToken: stamp.clientToken,
  });
}

/** One side of `update/documents`, encoded, since the shadow itself is changed in place. */
export function snapshot(shadow: Shadow | undefined): string {
  if (!shadow) return toJson({ state: {}, metadata: {} });
  return toJson({
    ...presentSections(shadow.desired, shadow.reported),
    version: shadow.version,
  });
}

export function documentsDocument(previous: string, current: string, stamp: Stamp): string {
  const tail = toJson({ timestamp: stamp.timestamp, clientToken: stamp.clientToken }).slice(1);
  return `{"previous":${previous},"current":${current},${tail}`;
}

/** `get/accepted`: both sections and their delta. */
export function getDocument(shadow: Shadow, stamp: Stamp): string {
  const { state, metadata } = presentSections(shadow.desired, shadow.reported);
  const delta = deltaOf(shadow.desired, shadow.reported);
  const shown: JsonObject = delta ? { ...state, delta: delta.state } : state;
  return toJson({
    state: shown,
    metadata,
    version: shadow.version,
    timestamp: stamp.timestamp,
    clientToken: stamp.clientToken,
  });
}

export function deletedDocument(version: number, stamp: Stamp): string {
  return toJson({ version, timestamp: stamp.timestamp, clientToken: stamp.clientToken });
}

export function rejectedDocument(error: ShadowError, stamp: Stamp): string {
  return toJson({
    code: error.code,
    message: error.message,
    timestamp: stamp.timestamp,
    clientToken: stamp.clientToken,
  });
}
