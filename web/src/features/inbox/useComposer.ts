/** What is being written: opened by a key, a button or an address, handed over, taken back. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { type InboxSearch, paths } from "@/app/paths";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import type { Outgoing } from "@/lib/types";
import { say } from "@/ui/toast";
import { type Letter, newKey, type Start, unsaved } from "./composer/letter";
import { follow } from "./composer/sending";
import { outbox } from "./useInbox";

interface Open {
  start: Start;
  nonce: number;
}

let count = 0;
/** A message that was taken back while another page was shown. */
let handedBack: Letter | undefined;
/** Opens it on the page that is shown. */
let here: ((start: Start) => void) | undefined;

/** "new", "to:" and an address, or the draft of a mailbox as "<connection>/<draft>". */
export function startOf(compose: string): Start {
  if (compose.startsWith("to:")) return { kind: "new", to: [compose.slice(3)] };
  const [connection, id] = compose.split("/");
  if (compose === "back" && handedBack) return { kind: "back", letter: handedBack };
  return id ? { kind: "draft", id, connection } : { kind: "new" };
}

export function useComposer(
  workspaceId: string,
  compose: string | undefined,
  change: (next: Partial<InboxSearch>) => void,
) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>();
  const current = useRef<number>(undefined);
  /** What this page has written into the address: it is for a reload, and opens nothing here. */
  const own = useRef<string>(undefined);
  const write = useCallback((start: Start) => {
    count++;
    current.current = count;
    setOpen({ start, nonce: count });
  }, []);
  const close = useCallback(() => {
    current.current = undefined;
    setOpen(undefined);
    change({ compose: undefined });
  }, [change]);

  useEffect(() => {
    here = write;
    return () => {
      here = undefined;
      current.current = undefined;
    };
  }, [write]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address opens anything
  useEffect(() => {
    if (!compose || compose === own.current || current.current !== undefined) return;
    write(startOf(compose));
    handedBack = undefined;
  }, [compose]);

  const reopen = (letter: Letter) => {
    const start: Start = { kind: "back", letter };
    if (here) return here(start);
    handedBack = letter;
    void navigate({ to: paths.inbox, search: { compose: "back" } });
  };
  const onSaved = (nonce: number, letter: Letter) => {
    if (current.current === nonce && letter.draft) change({ compose: `${letter.connection ?? ""}/${letter.draft}` });
  };
  const onSent = (out: Outgoing, letter: Letter) => {
    close();
    void client.invalidateQueries({ queryKey: keys.outgoing.outbox(workspaceId) });
    follow(workspaceId, out, letter, {
      reopen: (back) => {
        void client.invalidateQueries({ queryKey: keys.outgoing.outbox(workspaceId) });
        reopen(back);
      },
      outbox: () => void navigate({ to: paths.inbox, search: { label: outbox } }),
    });
  };
  const onDiscarded = async (letter: Letter) => {
    close();
    if (!letter.draft) return;
    const id = letter.draft;
    say({
      id: "discarded",
      text: "Draft discarded",
      actions: [{ label: "Undo", run: () => reopen({ ...unsaved(letter), key: newKey() }) }],
    });
    await googleIntegrationApi.deleteDraft(workspaceId, id, letter.connection).catch(() => undefined);
    await client.invalidateQueries({ queryKey: keys.outgoing.drafts(workspaceId) });
  };
  return { open, write, close, onSaved, onSent, onDiscarded };
}
