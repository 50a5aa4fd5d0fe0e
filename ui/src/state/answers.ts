/** What a person answers to the questions of a connection. */
import type { Answers, FactSection } from "$lib/backend";

export function noAnswers(): Answers {
  return { accepted_fingerprint: null, password: null, passphrase: null, sudo_password: null, remember: false };
}

/** How many facts could not be seen. */
export function unknownFacts(sections: readonly FactSection[]): number {
  return sections.reduce((sum, section) => sum + section.rows.filter((row) => row.state === "failed").length, 0);
}
