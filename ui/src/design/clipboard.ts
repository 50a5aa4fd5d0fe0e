/** Puts a text on the clipboard; whether that worked. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Some web views refuse the clipboard interface outside secure pages; selecting and copying always works there.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "aloud";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
