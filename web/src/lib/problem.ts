/** An answer of the API that is not a success (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly actionUrl?: string;
  readonly requestId?: string;
  readonly fields: Record<string, string>;

  constructor(status: number, body: ProblemBody) {
    super(body.detail || body.title || "Something went wrong");
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "";
    this.detail = body.detail || body.title || "";
    this.actionUrl = body.action_url;
    this.requestId = body.request_id;
    this.fields = fieldMessages(body.fields);
  }

  /** The server could not be reached: nothing was said about the request itself. */
  get offline(): boolean {
    return this.status === 0;
  }
}

export interface ProblemBody {
  type?: string;
  title?: string;
  detail?: string;
  code?: string;
  action_url?: string;
  request_id?: string;
  fields?: Record<string, string> | { field?: string; name?: string; message?: string }[] | null;
}

function fieldMessages(fields: ProblemBody["fields"]): Record<string, string> {
  if (!fields) return {};
  if (!Array.isArray(fields)) return fields;
  return Object.fromEntries(fields.map((f) => [f.field ?? f.name ?? "", f.message ?? ""]));
}

/** "Wait 1m30s" as a person says it: "Wait 1 minute 30 seconds". */
const inWords = (text: string): string =>
  text.replace(/\bWait (?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?![\w.])/, (_, ...found: (string | undefined)[]) => {
    const parts = ["hour", "minute", "second"].flatMap((unit, i) => {
      const n = Number(found[i] ?? 0);
      return n > 0 ? [`${n} ${unit}${n === 1 ? "" : "s"}`] : [];
    });
    return `Wait ${parts.join(" ") || "a moment"}`;
  });

/** What to tell a person about any failure: what happened and, where the server failed, the number to quote. */
export function explain(error: unknown): { message: string; reference?: string } {
  if (error instanceof Problem) {
    if (error.offline)
      return { message: "Rapport cannot be reached. Check your connection; it tries again by itself." };
    const broken = error.status >= 500;
    const message = inWords(error.detail) || (broken ? "Rapport could not do this just now." : "This did not work.");
    return { message, reference: broken ? error.requestId : undefined };
  }
  return { message: error instanceof Error && error.message ? error.message : "Something went wrong." };
}
