/** Scrolls a list so that one of its rows is in sight; the page around it stays where it is. */
export function reveal(list: HTMLElement | null | undefined, row: HTMLElement | null): void {
  if (!list || !row) return;
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  // Room for a heading above and the next row below.
  const room = Math.min(40, outer.height / 4);
  if (inner.top < outer.top + room) list.scrollTop -= outer.top + room - inner.top;
  else if (inner.bottom > outer.bottom - room) list.scrollTop += inner.bottom - (outer.bottom - room);
}
