/**
 * A set-up being worked on. Every answer is written at once, one after the other; what could not be written stays
 * here and can be tried again, so that nothing that was typed is lost.
 */
import { type Draft, type Edit, type Failure, asFailure, backend } from "$lib/backend";
import { app } from "$lib/state/app.svelte";
import { asList, asNumber, asTables, asText, at, isTable } from "./values";

const PAUSE = 400;
const name = (path: readonly string[]) => path.join("\u0000");

export class Work {
  draft = $state.raw<Draft | null>(null);
  /** The draft could not be opened. */
  failure = $state<Failure | null>(null);
  /** The last answer could not be written. */
  unsaved = $state<Failure | null>(null);
  /** How much is being written now. */
  writing = $state(0);
  /** Answers that are not written yet: they count already. */
  #waiting = $state.raw<ReadonlyMap<string, Edit>>(new Map());
  #typed = $state.raw<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #line: Promise<unknown> = Promise.resolve();
  /** Blueprint that was chosen while this was open. */
  blueprint = $state<string | null>(null);
  /** Source that was looked at, as `folder …` or `git …`; by hand or by itself. */
  looked = $state("");
  readonly readable = $derived(isTable(this.draft?.values));
  /** The answers; while the text cannot be read, as they were before. */
  #values = $state.raw<Readonly<Record<string, unknown>> | null>(null);
  readonly errors = $derived(this.draft?.diagnostics.filter((told) => told.error) ?? []);
  readonly saved = $derived(!this.unsaved && !this.writing && !this.#waiting.size && this.#typed === null);

  constructor(readonly id: string) {}

  async open(): Promise<void> {
    this.failure = null;
    try {
      this.#show(await backend().draft(this.id));
    } catch (error) {
      this.failure = asFailure(error);
    }
  }

  get text(): string {
    return this.#typed ?? this.draft?.text ?? "";
  }
  get host(): string | null {
    return this.draft?.card.host ?? null;
  }

  at(...path: string[]): unknown {
    const waiting = this.#waiting.get(name(path));
    return waiting ? (waiting.value ?? undefined) : at(this.#values, path);
  }
  textAt(...path: string[]): string {
    return asText(this.at(...path));
  }
  numberAt(...path: string[]): number | null {
    return asNumber(this.at(...path));
  }
  flagAt(...path: string[]): boolean {
    return this.at(...path) === true;
  }
  listAt(...path: string[]): string[] {
    return asList(this.at(...path));
  }
  get routes(): Readonly<Record<string, unknown>>[] {
    return asTables(this.at("route"));
  }

  /** Answers at once. */
  answer(...edits: Edit[]): Promise<void> {
    this.#put(edits);
    return this.flush();
  }
  /** Answers when the person has stopped typing. */
  later(path: string[], value: unknown): void {
    this.#put([{ path, value }]);
    this.#soon();
  }
  #put(edits: readonly Edit[]): void {
    const next = new Map(this.#waiting);
    for (const edit of edits) {
      next.delete(name(edit.path));
      next.set(name(edit.path), edit);
    }
    this.#waiting = next;
  }
  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), PAUSE);
  }

  /** The text as a person types it. */
  type(text: string): void {
    this.#typed = text;
    this.#soon();
  }

  /** Writes what waits. Afterwards `saved` says whether that worked. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#then(async () => {
      const typed = this.#typed;
      if (typed !== null) {
        this.#show(await backend().setDraftText(this.id, typed));
        if (this.#typed === typed) this.#typed = null;
      }
      const sent = this.#waiting;
      if (sent.size) {
        this.#show(
          await backend().editDraft(
            this.id,
            [...sent.values()].map((edit) => ({ ...edit, value: edit.value ?? null })),
          ),
        );
        // What was answered again meanwhile goes on waiting.
        this.#waiting = new Map([...this.#waiting].filter(([key, edit]) => sent.get(key) !== edit));
      }
    });
  }

  /** Lets go of what could not be written. */
  drop(): void {
    this.#waiting = new Map();
    this.#typed = null;
    this.unsaved = null;
  }

  /** One thing after the other, so that no answer overtakes another. */
  #then(what: () => Promise<void>): Promise<void> {
    this.writing += 1;
    const mine = this.#line
      .then(what)
      .then(
        () => {
          this.unsaved = null;
        },
        (error: unknown) => {
          this.unsaved = asFailure(error);
        },
      )
      .finally(() => {
        this.writing -= 1;
      });
    this.#line = mine;
    return mine;
  }

  /** A change of the whole draft; `done` in words offers to undo it. Whether it worked. */
  async change(what: () => Promise<Draft>, done?: string): Promise<boolean> {
    await this.flush();
    if (this.unsaved) return false;
    const before = this.text;
    const blueprint = this.blueprint;
    await this.#then(async () => {
      this.#show(await what());
    });
    if (this.unsaved) return false;
    if (done && this.draft?.text !== before) {
      app.tell(done, "ok", {
        title: "Undo",
        run: () =>
          void this.change(async () => {
            this.blueprint = blueprint;
            return backend().setDraftText(this.id, before);
          }),
      });
    }
    return true;
  }

  async place(step: string, host: string | null = this.host): Promise<void> {
    await this.#then(async () => {
      this.#show(await backend().setDraftPlace(this.id, step, host));
    });
  }
  /** Reads the draft anew, after everything that is on its way: an answer that is late must not cover what came since. */
  async again(): Promise<void> {
    await this.#then(async () => {
      this.#show(await backend().draft(this.id));
    });
  }
  /** A secret's value goes straight on and is kept nowhere here. */
  take(draft: Draft): void {
    this.#show(draft);
  }
  #show(draft: Draft): void {
    this.draft = draft;
    if (isTable(draft.values)) this.#values = draft.values;
  }
  get values(): Readonly<Record<string, unknown>> | null {
    return this.#values;
  }
}
