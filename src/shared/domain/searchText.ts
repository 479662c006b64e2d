/** Text as it is searched: whatever differs only in case, or in how it is encoded, is the same. */
export function searchText(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
