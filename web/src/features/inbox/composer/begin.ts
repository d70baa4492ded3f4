/** What a composer opens with. */
import type { QueryClient } from "@tanstack/react-query";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { GoogleStatus, SendAs } from "@/lib/types";
import { begun, fresh, fromDraft, type Letter, type Start } from "./letter";

export const writtenAs = (s: Pick<SendAs, "name" | "email">) => (s.name ? `${s.name} <${s.email}>` : s.email);

export const sendAsQuery = (workspaceId: string, connection: string) => ({
  queryKey: keys.outgoing.sendAs(workspaceId, connection),
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    googleIntegrationApi.sendAs(workspaceId, connection || undefined, signal),
  staleTime: 5 * 60_000,
});

async function begunNew(client: QueryClient, w: string, status: GoogleStatus | undefined, to: string[] | undefined) {
  const connection = status?.connection_id ?? "";
  // Without Google's answer one can write all the same; the server then takes the usual address.
  const list = await client.fetchQuery({ ...sendAsQuery(w, connection), retry: false }).catch(() => undefined);
  const own = list?.items.find((s) => s.is_default) ?? list?.items[0];
  const from = own ? writtenAs(own) : (status?.google_email ?? "");
  return fresh(from, connection || undefined, own?.signature_html ?? "", to);
}

export async function begin(
  client: QueryClient,
  w: string,
  status: GoogleStatus | undefined,
  start: Start,
): Promise<Letter> {
  switch (start.kind) {
    case "back":
      return start.letter;
    case "new":
      return begunNew(client, w, status, start.to);
    case "draft":
      return fromDraft(await googleIntegrationApi.draft(w, start.id, start.connection));
    default:
      return begun(start.kind, await googleIntegrationApi.compose(w, start.email.id, start.kind));
  }
}
