import { Problem, type ProblemBody } from "./problem";

export const apiBase = "/api/v1";

type Query = Record<string, string | number | boolean | undefined | null>;

/** The address of an API path with its query; empty values are left out. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return apiBase + path + (text ? `?${text}` : "");
}

interface Options {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  /** Sent as Idempotency-Key: the same key never does the work twice. */
  idempotencyKey?: string;
}

/** One call. Throws a Problem for every answer that is not a success. */
export async function call<T>(path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method: options.method ?? "GET",
      headers,
      credentials: "same-origin",
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new Problem(0, { title: "Rapport cannot be reached" });
  }
  if (!response.ok) throw new Problem(response.status, await problemBody(response));
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

async function problemBody(response: Response): Promise<ProblemBody> {
  const requestId = response.headers.get("X-Request-Id") ?? undefined;
  try {
    return { request_id: requestId, ...((await response.json()) as ProblemBody) };
  } catch {
    return { title: `The server answered ${response.status}`, request_id: requestId };
  }
}
