/** `timeMs()`: Redis's clock, which all times in Redis are of. */
export const CLOCK = /* lua */ `
local function timeMs()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
`;
