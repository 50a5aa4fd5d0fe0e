/** Lines wrap elsewhere once a font has come: the numbers beside them have to follow. */
import type { Extension } from "@codemirror/state";
import { ViewPlugin } from "@codemirror/view";

export const followsFonts: Extension = ViewPlugin.define((view) => {
  const again = () => view.requestMeasure();
  // Not every environment has them, whatever the types say.
  const fonts: FontFaceSet | undefined = document.fonts;
  fonts?.addEventListener("loadingdone", again);
  // Fonts begin to load with the first layout.
  requestAnimationFrame(() => requestAnimationFrame(again));
  return { destroy: () => fonts?.removeEventListener("loadingdone", again) };
});
