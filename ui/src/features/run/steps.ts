/** How a step of a run is, in words and with a shape. */
import type { StepState } from "$lib/backend";

export function stepWords(state: StepState): { shape: string; text: string } {
  switch (state) {
    case "waiting":
      return { shape: "–", text: "to come" };
    case "running":
      return { shape: "◌", text: "at work" };
    case "done":
      return { shape: "✓", text: "done" };
    case "unchanged":
      return { shape: "=", text: "was so already" };
    case "failed":
      return { shape: "✕", text: "failed" };
    case "not-begun":
      return { shape: "–", text: "not begun" };
    case "cut-off":
      return { shape: "▲", text: "its end was not seen" };
  }
}
