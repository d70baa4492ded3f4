import { Problem, type ProblemBody } from "./problem";

/** The generated client writes headers in this wider form. */
type GeneratedInit = Omit<RequestInit, "headers"> & { headers?: Record<string, string | readonly string[]> };

/** One call of the API. Throws a `Problem` for every answer that is not a success. The generated client stands on it. */
export function call<T>(url: string, init?: GeneratedInit): Promise<T>;
export function call<T>(url: string, init?: RequestInit): Promise<T>;
export async function call<T>(url: string, init: RequestInit | GeneratedInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      ...init,
      headers: { Accept: "application/json", ...(init.headers as Record<string, string>) },
      credentials: "same-origin",
    });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new Problem(0, { title: "Rapport cannot be reached" });
  }
  if (!response.ok) throw await problemOf(response);
  const text = response.status === 204 ? "" : await response.text();
  return (text ? readAnswer(text) : undefined) as T;
}

// What turns the direction of writing (Unicode's embeddings, overrides, isolates): with it a name, a subject or
// "invoice.exe" reads as another one.
const turning = /[\u202a-\u202e\u2066-\u2069]/g;
// Texts of their own place: what they turn stays within them, and they may need it.
const texts = new Set(["html", "text", "body_html", "body_text", "signature_html", "content"]);

/** An answer of the API, without what would make short texts look like others. */
export const readAnswer = (text: string): unknown =>
  JSON.parse(
    text,
    text.search(turning) < 0
      ? undefined
      : (key, value) => (typeof value === "string" && !texts.has(key) ? value.replace(turning, "") : value),
  );

/** What an answer that is no success says. */
export const problemOf = async (response: Response): Promise<Problem> =>
  new Problem(response.status, await problemBody(response));

async function problemBody(response: Response): Promise<ProblemBody> {
  const requestId = response.headers.get("X-Request-Id") ?? undefined;
  try {
    return { request_id: requestId, ...((await response.json()) as ProblemBody) };
  } catch {
    return { title: `The server answered ${response.status}`, request_id: requestId };
  }
}
