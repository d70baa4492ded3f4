/** Keeps what is written as a draft in Gmail: a moment after each change, one save at a time. */
import { useQueryClient } from "@tanstack/react-query";
import { type Dispatch, type SetStateAction, useCallback, useEffect, useRef, useState } from "react";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { explain, Problem } from "@/lib/problem";
import { base64 } from "./files";
import { bytesOf, type Letter, mostBytes, print, requestOf, settled, unsaved } from "./letter";

export interface DraftState {
  state: "clean" | "saving" | "saved" | "failed";
  at?: Date;
  why?: string;
}

const pause = 1200;

export function useDraft(
  workspaceId: string,
  letter: Letter,
  setLetter: Dispatch<SetStateAction<Letter>>,
  onSaved: (l: Letter) => void,
) {
  const client = useQueryClient();
  const [state, setState] = useState<DraftState>({ state: "clean" });
  const latest = useRef(letter);
  latest.current = letter;
  const saved = useRef(print(letter));
  const id = useRef(letter.draft);
  const running = useRef<Promise<void>>(undefined);
  const over = useRef(false);
  const told = useRef(onSaved);
  told.current = onSaved;

  const write = useCallback(async () => {
    const now = { ...latest.current, draft: id.current };
    const mark = print(now);
    if (over.current || mark === saved.current || bytesOf(now.files) > mostBytes) return;
    setState((s) => ({ ...s, state: "saving" }));
    try {
      const body = await requestOf(now, base64);
      const draft = await googleIntegrationApi.saveDraft(workspaceId, body).catch((error) => {
        // Deleted in Gmail meanwhile: what is written here is kept as a new one.
        if (!(error instanceof Problem && error.status === 404 && now.draft)) throw error;
        return requestOf(unsaved(now), base64).then((again) => googleIntegrationApi.saveDraft(workspaceId, again));
      });
      saved.current = mark;
      id.current = draft.id;
      const next = settled(latest.current, now, draft);
      latest.current = next;
      setLetter((l) => settled(l, now, draft));
      setState({ state: "saved", at: new Date() });
      told.current(next);
      void client.invalidateQueries({ queryKey: keys.outgoing.drafts(workspaceId) });
    } catch (error) {
      setState({ state: "failed", why: explain(error).message });
    }
  }, [client, workspaceId, setLetter]);

  /** Saves what is not saved yet; resolves when nothing is on its way. */
  const flush = useCallback((): Promise<void> => {
    const next = (running.current ?? Promise.resolve()).then(write);
    running.current = next;
    return next;
  }, [write]);

  /** No more is saved; resolves when nothing is on its way. Gives the letter as it is then. */
  const end = useCallback(async (): Promise<Letter> => {
    over.current = true;
    await running.current;
    return { ...latest.current, draft: id.current };
  }, []);
  const resume = useCallback(() => {
    over.current = false;
  }, []);

  const mark = print(letter);
  useEffect(() => {
    if (mark === saved.current || over.current) return;
    const timer = setTimeout(() => void flush(), pause);
    return () => clearTimeout(timer);
  }, [mark, flush]);
  // Whoever leaves the page leaves nothing behind.
  useEffect(() => () => void flush(), [flush]);
  // What was typed last goes out as the page goes, as far as the browser lets it.
  useEffect(() => {
    const now = () => void flush();
    addEventListener("pagehide", now);
    return () => removeEventListener("pagehide", now);
  }, [flush]);
  // It is not said to be saved while something newer stands there.
  const shown: DraftState = state.state === "saved" && mark !== saved.current ? { state: "clean" } : state;
  return { state: shown, flush, end, resume };
}
