import { ActionIcon } from "@mantine/core";
import type { Editor as TipTap } from "@tiptap/react";
import { ALargeSmall, Paperclip, Trash2, Type } from "lucide-react";
import { type DragEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { googleIntegrationApi } from "@/lib/api";
import { explain, Problem } from "@/lib/problem";
import { cx, Hint } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import { CloseButton, type ComposerProps } from "./Composer";
import classes from "./Composer.module.css";
import { Editor, FormatBar } from "./Editor";
import { Files } from "./Files";
import { base64 } from "./files";
import { Head } from "./Head";
import { htmlOf, type Letter, requestOf, textOf, titleOf, whyNotSendable } from "./letter";
import { Rest } from "./Rest";
import { SendButton } from "./SendButton";
import { type DraftState, useDraft } from "./useDraft";

interface Props extends ComposerProps {
  first: Letter;
  onTitle: (title: string) => void;
}

const undoSeconds = 10;

/** One message on its way to be written. */
export function Sheet(props: Props) {
  const { workspaceId, status, first, onTitle, onClose } = props;
  const [letter, setLetter] = useState(first);
  const [editor, setEditor] = useState<TipTap>();
  const [formats, setFormats] = useState(false);
  const [over, setOver] = useState(false);
  const draft = useDraft(workspaceId, letter, setLetter, props.onSaved);
  const { send, busy, problem } = useSend(props, letter, draft);
  const pick = useRef<HTMLInputElement>(null);
  const change = (next: Partial<Letter>) => setLetter((l) => ({ ...l, ...next }));
  const title = titleOf(letter);
  useEffect(() => onTitle(title), [title, onTitle]);

  const addFiles = (files: File[]) =>
    setLetter((l) => ({
      ...l,
      files: [
        ...l.files,
        ...files.map((f) => ({
          key: crypto.randomUUID(),
          name: f.name,
          type: f.type || "application/octet-stream",
          size: f.size,
          data: f,
        })),
      ],
    }));
  const discard = async () => {
    const last = await draft.end();
    props.onDiscarded(last);
  };
  const togglePlain = () =>
    letter.plain
      ? change({ plain: false, body: htmlOf(letter.text) })
      : change({
          plain: true,
          text: textOf(letter.body),
          tail: letter.kind === "draft" ? tailOf(letter) : letter.tail,
        });
  const editQuote = (html: string) => {
    change({ quote: "" });
    editor?.chain().focus("end").insertContent(html).run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      void send();
    }
  };
  const onEscape = (event: KeyboardEvent) => {
    if (leaves(event)) onClose();
  };
  const drop = (event: DragEvent) => {
    setOver(false);
    if (event.defaultPrevented || event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    addFiles([...event.dataTransfer.files]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys and files reach the whole sheet
    <div
      className={classes.inside}
      data-over={over || undefined}
      onKeyDownCapture={onKeyDown}
      onKeyDown={onEscape}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <header className={classes.head}>
        <h2>{title}</h2>
        <Saved draft={draft.state} />
        <CloseButton onClick={onClose} />
      </header>
      <Head workspaceId={workspaceId} status={status} letter={letter} onChange={change} />
      <div className={classes.scroller}>
        {letter.plain ? (
          <textarea
            className={classes.plain}
            aria-label="Message"
            value={letter.text}
            onChange={(event) => change({ text: event.target.value })}
          />
        ) : (
          <Editor
            html={letter.body}
            focus={letter.to.length > 0}
            onChange={(body) => change({ body })}
            onFiles={addFiles}
            onReady={setEditor}
          />
        )}
        <Rest letter={letter} onChange={change} onEdit={editQuote} />
      </div>
      <Files files={letter.files} onRemove={(key) => change({ files: letter.files.filter((f) => f.key !== key) })} />
      {problem && (
        <p className={classes.problem} role="alert">
          {problem}
        </p>
      )}
      {formats && editor && !letter.plain && (
        <div className={classes.formats}>
          <FormatBar editor={editor} />
        </div>
      )}
      <footer className={classes.foot}>
        <SendButton busy={busy} onSend={(at) => void send(at)} />
        <Hint label="Attach files">
          <ActionIcon size={32} aria-label="Attach files" onClick={() => pick.current?.click()}>
            <Paperclip size={16} />
          </ActionIcon>
        </Hint>
        <input
          ref={pick}
          type="file"
          multiple
          hidden
          aria-label="Files to attach"
          onChange={(event) => {
            addFiles([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        {!letter.plain && (
          <Hint label="Format">
            <ActionIcon
              size={32}
              aria-label="Format"
              aria-pressed={formats}
              aria-expanded={formats}
              onClick={() => setFormats(!formats)}
            >
              <ALargeSmall size={17} />
            </ActionIcon>
          </Hint>
        )}
        <Hint label={letter.plain ? "Write with format" : "Write plain text"}>
          <ActionIcon size={32} aria-label="Plain text" aria-pressed={letter.plain} onClick={togglePlain}>
            <Type size={15} />
          </ActionIcon>
        </Hint>
        <span className={classes.gap} />
        <Hint label="Discard the draft">
          <ActionIcon size={32} aria-label="Discard the draft" onClick={() => void discard()}>
            <Trash2 size={16} />
          </ActionIcon>
        </Hint>
      </footer>
    </div>
  );
}

/**
 * Escape in the sheet that nothing else took: in a menu that stands over it, it closes the menu. The text takes every
 * Escape, and does nothing with it.
 */
const leaves = (event: KeyboardEvent): boolean =>
  event.key === "Escape" &&
  !event.nativeEvent.isComposing &&
  event.currentTarget.contains(event.target as Node) &&
  (!event.defaultPrevented || (event.target as Element).closest(".ProseMirror") !== null);

/** What stands below the text of a plain message. */
function tailOf({ tail, signature, quote }: Letter): string {
  if (tail) return tail;
  const below = [signature && `-- \n${textOf(signature)}`, quote && textOf(quote).replace(/^/gm, "> ")].filter(Boolean);
  return below.length > 0 ? `\n\n${below.join("\n\n")}` : "";
}

/** Hands the message over, once: while it goes, and until it is known what became of it, nothing is sent again. */
function useSend({ workspaceId, onSent }: Props, letter: Letter, draft: ReturnType<typeof useDraft>) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const going = useRef(false);
  const send = async (at?: Date) => {
    const why = whyNotSendable(letter);
    setProblem(why);
    if (why || going.current) return;
    going.current = true;
    setBusy(true);
    try {
      const last = await draft.end();
      const body = await requestOf(last, base64);
      const when = at ? { send_at: at.toISOString() } : { undo_seconds: undoSeconds };
      const out = await googleIntegrationApi.send(workspaceId, { ...body, ...when }, last.key);
      onSent(out, last);
    } catch (error) {
      draft.resume();
      setProblem(
        error instanceof Problem && error.code === "idempotency_key_reused"
          ? "An earlier version of this message was handed over already. Look into the outbox before you send it again."
          : `Not sent: ${explain(error).message}`,
      );
      going.current = false;
      setBusy(false);
    }
  };
  return { send, busy, problem };
}

const clock = (t: Date) => t.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

function Saved({ draft }: { draft: DraftState }) {
  const text =
    draft.state === "saving"
      ? "Saving"
      : draft.state === "saved" && draft.at
        ? `Draft saved ${clock(draft.at)}`
        : draft.state === "failed"
          ? `Draft not saved: ${draft.why}`
          : "";
  return (
    <span
      className={cx(pieces.clip, classes.saved)}
      role="status"
      data-failed={draft.state === "failed" || undefined}
      title={text}
    >
      {text}
    </span>
  );
}
