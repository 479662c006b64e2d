/**
 * A hash is compact as long as none of its values is longer than `hash-max-listpack-value`, 64 bytes
 * unless set: with a longer one it takes some three times the memory. What may be longer therefore
 * stands in pieces: `name`, `name1`, `name2` and so on. A piece that is shorter than the least
 * length of a full one is the last; pieces do not divide a character.
 */
const PIECE_BYTES = 64;
/** As a character of UTF-8 has 4 bytes at most. */
const LEAST_FULL_BYTES = PIECE_BYTES - 3;
/** Beyond this the pieces would cost more time than they save memory. */
const MOST_IN_PIECES_BYTES = 1024;

/** Lua functions on values that stand in pieces. */
export const LONG_FIELDS = /* lua */ `
-- Adds a value to a flat list of fields, in pieces where it is long.
local function addLong(fields, name, value)
  local at, piece = 1, 0
  while #value - at + 1 > ${PIECE_BYTES} and #value <= ${MOST_IN_PIECES_BYTES} do
    local last = at + ${PIECE_BYTES - 1}
    -- Not before a byte that continues a character.
    while string.byte(value, last + 1) >= 128 and string.byte(value, last + 1) < 192 do
      last = last - 1
    end
    fields[#fields + 1] = piece == 0 and name or name .. piece
    fields[#fields + 1] = string.sub(value, at, last)
    at, piece = last + 1, piece + 1
  end
  fields[#fields + 1] = piece == 0 and name or name .. piece
  fields[#fields + 1] = string.sub(value, at)
end

-- The whole of a value whose first piece was read.
local function wholeOf(key, name, first)
  if not first or #first < ${LEAST_FULL_BYTES} or #first > ${PIECE_BYTES} then return first end
  local pieces, last = { first }, first
  while #last >= ${LEAST_FULL_BYTES} and #last <= ${PIECE_BYTES} do
    local piece = redis.call('HGET', key, name .. #pieces)
    if not piece then break end
    pieces[#pieces + 1], last = piece, piece
  end
  return table.concat(pieces)
end
`;

/** The whole of a value of a record that was read with all of its fields. */
export function longField(
  fields: Readonly<Record<string, string>>,
  name: string,
): string | undefined {
  let whole = fields[name];
  for (let piece = 1; whole !== undefined; piece += 1) {
    const more = fields[`${name}${piece}`];
    if (more === undefined) break;
    whole += more;
  }
  return whole;
}
