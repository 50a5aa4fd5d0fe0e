/** How a step of a run is, in words and with a shape. */
import type { StepState } from "$lib/state/fold";

export function stepWords(state: StepState): { shape: string; text: string } {
  switch (state) {
    case "waiting":
      return { shape: "–", text: "to come" };
    case "going":
      return { shape: "◌", text: "at work" };
    case "done":
      return { shape: "✓", text: "done" };
    case "unchanged":
      return { shape: "=", text: "was so already" };
    case "failed":
      return { shape: "✕", text: "failed" };
    case "not-begun":
      return { shape: "–", text: "not begun" };
    case "cut-short":
      return { shape: "▲", text: "its end was not seen" };
  }
}
