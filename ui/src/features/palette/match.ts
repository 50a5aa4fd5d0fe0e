/** Fuzzy matching: letters in their order, better when they begin words and stand together. */

/** How well a text fits; null when it does not. Each word of the question must fit. */
export function score(question: string, text: string): number | null {
  let sum = 0;
  const low = text.toLowerCase();
  for (const word of question.toLowerCase().split(/\s+/).filter(Boolean)) {
    const one = fit(word, low);
    if (one === null) return null;
    sum += one;
  }
  return sum - low.length / 1000;
}

function begins(text: string, at: number): boolean {
  return at === 0 || /[\s\-_./:@]/.test(text.charAt(at - 1));
}

function fit(word: string, text: string): number | null {
  // Together beats scattered.
  let best: number | null = null;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    best = Math.max(best ?? 0, begins(text, at) ? 100 + word.length : 50 + word.length);
  if (best !== null) return best;
  let from = 0;
  let sum = 0;
  let last = -2;
  for (const letter of word) {
    const at = text.indexOf(letter, from);
    if (at < 0) return null;
    sum += begins(text, at) ? 4 : at === last + 1 ? 3 : 0;
    last = at;
    from = at + letter.length;
  }
  // Letters that lie far apart are an accident.
  return sum >= word.length * 1.5 ? sum : null;
}
