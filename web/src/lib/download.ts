/** Saving a file: it is fetched first, so that a failure can be said, and only then given to the browser. */
import { problemOf } from "./http";
import { Problem } from "./problem";

/** Fetches a file. `onProgress` hears how many bytes have come. Throws a `Problem`, also where the answer breaks off. */
export async function fetchFile(url: string, onProgress: (done: number) => void, signal?: AbortSignal): Promise<Blob> {
  try {
    const response = await fetch(url, { credentials: "same-origin", signal, headers: { Accept: "*/*" } });
    if (!response.ok) throw await problemOf(response);
    const parts: BlobPart[] = [];
    const reader = response.body?.getReader();
    let done = 0;
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      parts.push(part.value as Uint8Array<ArrayBuffer>);
      done += part.value.length;
      onProgress(done);
    }
    return new Blob(parts, { type: response.headers.get("Content-Type") ?? "application/octet-stream" });
  } catch (cause) {
    if (cause instanceof Problem || signal?.aborted) throw cause;
    throw new Problem(0, { title: "The download broke off." });
  }
}

/** Hands a file to the browser, which saves it under the name. */
export function save(file: Blob, name: string) {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
