import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number): void;
  stop(): void;
}

const LABEL_WIDTH = 24;

/** How the demo speaks: numbered steps, facts in columns, a bar on a terminal, lines elsewhere. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #onTerminal: boolean;
  readonly #coloured: boolean;
  #step = 0;
  #stepStartedAt = 0;

  constructor(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    this.#out = out;
    this.#onTerminal = out.isTTY;
    this.#coloured = this.#onTerminal && !env.NO_COLOR;
  }

  title(text: string): void {
    this.#write(this.#style('bold', text));
  }

  step(text: string): void {
    this.#step += 1;
    this.#stepStartedAt = performance.now();
    this.#write(`\n${this.#style('bold', `${this.#step}  ${text}`)}`);
  }

  /** How long the step took. */
  done(): void {
    const seconds = ((performance.now() - this.#stepStartedAt) / 1000).toFixed(1);
    this.#write(this.#style('dim', `   ${seconds} s`));
  }

  line(text = ''): void {
    this.#write(text === '' ? '' : `   ${text}`);
  }

  fact(label: string, value: string): void {
    this.#write(`   ${this.#style('dim', label.padEnd(LABEL_WIDTH))}${value}`);
  }

  /** A paragraph of AWS's or ours, broken at 72 columns and indented below a label. */
  quote(label: string, text: string): void {
    const [first = '', ...rest] = wrap(text, 72);
    this.fact(label, first);
    for (const line of rest) this.fact('', line);
  }

  progress(what: string, total: number): Progress {
    return this.#onTerminal ? this.#bar(what, total) : this.#lines(what, total);
  }

  #bar(what: string, total: number): Progress {
    const format = `   {bar} {value} of {total} ${what}`;
    const bar = new SingleBar(
      { format, stream: this.#out, barsize: 40, hideCursor: true },
      Presets.rect,
    );
    bar.start(total, 0);
    return { update: (done) => bar.update(done), stop: () => bar.stop() };
  }

  /** Where nobody watches a bar grow: a line for every quarter. */
  #lines(what: string, total: number): Progress {
    let said = 0;
    const update = (done: number) => {
      const quarter = Math.floor((done * 4) / total);
      if (quarter <= said) return;
      said = quarter;
      this.line(`${done} of ${total} ${what}`);
    };
    return { update, stop: () => undefined };
  }

  #style(style: 'bold' | 'dim', text: string): string {
    return this.#coloured ? styleText(style, text) : text;
  }

  #write(text: string): void {
    this.#out.write(`${text}\n`);
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}
