import { ActionIcon, Popover, TextInput } from "@mantine/core";
import { EditorContent, Node, type Editor as TipTap, useEditor, useEditorState } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { Bold, Italic, Link2, List, ListOrdered, Quote, RemoveFormatting, Underline } from "lucide-react";
import { type ComponentType, useEffect, useState } from "react";
import { Hint } from "@/ui/kit";
import classes from "./Editor.module.css";

/** Lines are divs, as Gmail writes them: paragraphs would get a margin in other mail programs. */
const Line = Node.create({
  name: "paragraph",
  priority: 1000,
  group: "block",
  content: "inline*",
  parseHTML: () => [{ tag: "p" }, { tag: "div" }],
  renderHTML: () => ["div", 0],
});

const extensions = [
  StarterKit.configure({
    paragraph: false,
    heading: false,
    codeBlock: false,
    code: false,
    horizontalRule: false,
    link: { openOnClick: false, defaultProtocol: "https", HTMLAttributes: { rel: null, target: null } },
  }),
  Line,
];

interface Props {
  html: string;
  focus: boolean;
  onChange: (html: string) => void;
  onFiles: (files: File[]) => void;
  onReady: (editor: TipTap) => void;
}

/** The text of a message, with its format. */
export function Editor({ html, focus, onChange, onFiles, onReady }: Props) {
  const editor = useEditor({
    extensions,
    content: html,
    autofocus: focus ? "start" : false,
    editorProps: {
      attributes: { role: "textbox", "aria-label": "Message", "aria-multiline": "true", class: classes.text ?? "" },
      handlePaste: (_, event) => taken(event.clipboardData?.files, onFiles),
      handleDrop: (_, event) => taken(event.dataTransfer?.files, onFiles),
    },
    onUpdate: ({ editor: e }) => onChange(e.isEmpty ? "" : e.getHTML()),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once
  useEffect(() => {
    if (editor) onReady(editor);
  }, [editor]);
  return <EditorContent editor={editor} className={classes.editor} />;
}

function taken(files: FileList | undefined, onFiles: (files: File[]) => void): boolean {
  if (!files || files.length === 0) return false;
  onFiles([...files]);
  return true;
}

interface Format {
  name: string;
  label: string;
  keys?: string;
  icon: ComponentType<{ size?: number }>;
  run: (editor: TipTap) => void;
}

const formats: Format[] = [
  { name: "bold", label: "Bold", keys: "Ctrl B", icon: Bold, run: (e) => e.chain().focus().toggleBold().run() },
  { name: "italic", label: "Italic", keys: "Ctrl I", icon: Italic, run: (e) => e.chain().focus().toggleItalic().run() },
  {
    name: "underline",
    label: "Underline",
    keys: "Ctrl U",
    icon: Underline,
    run: (e) => e.chain().focus().toggleUnderline().run(),
  },
  { name: "bulletList", label: "List", icon: List, run: (e) => e.chain().focus().toggleBulletList().run() },
  {
    name: "orderedList",
    label: "Numbered list",
    icon: ListOrdered,
    run: (e) => e.chain().focus().toggleOrderedList().run(),
  },
  { name: "blockquote", label: "Quotation", icon: Quote, run: (e) => e.chain().focus().toggleBlockquote().run() },
];

export function FormatBar({ editor }: { editor: TipTap }) {
  const on = useEditorState({
    editor,
    selector: ({ editor: e }) => [...formats.map((f) => f.name), "link"].filter((name) => e.isActive(name)),
  });
  return (
    <div className={classes.bar} role="toolbar" aria-label="Format">
      {formats.map(({ name, label, keys, icon: Icon, run }) => (
        <Hint key={name} label={label} keys={keys}>
          <ActionIcon aria-label={label} aria-pressed={on.includes(name)} onClick={() => run(editor)}>
            <Icon size={15} />
          </ActionIcon>
        </Hint>
      ))}
      <LinkButton editor={editor} on={on.includes("link")} />
      <Hint label="Remove the format">
        <ActionIcon
          aria-label="Remove the format"
          onClick={() => editor.chain().focus().unsetAllMarks().clearNodes().run()}
        >
          <RemoveFormatting size={15} />
        </ActionIcon>
      </Hint>
    </div>
  );
}

/** Only addresses that a reader may be sent to. */
export function linkOf(text: string): string | undefined {
  const word = text.trim();
  if (!word) return undefined;
  if (/^(https?|mailto|tel):/i.test(word)) return word;
  if (/^[a-z][a-z0-9+.-]*:/i.test(word) && !/^[\w.-]+:\d+/.test(word)) return undefined;
  return /^[^\s@]+@[^\s@]+$/.test(word) ? `mailto:${word}` : `https://${word}`;
}

function LinkButton({ editor, on }: { editor: TipTap; on: boolean }) {
  const [opened, setOpened] = useState(false);
  const [text, setText] = useState("");
  const show = () => {
    setText(String(editor.getAttributes("link").href ?? ""));
    setOpened(true);
  };
  const apply = () => {
    const href = linkOf(text);
    const chain = editor.chain().focus().extendMarkRange("link");
    if (!href) chain.unsetLink().run();
    else if (editor.state.selection.empty && !on) {
      chain.insertContent({ type: "text", text: text.trim(), marks: [{ type: "link", attrs: { href } }] }).run();
    } else chain.setLink({ href }).run();
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} trapFocus withinPortal={false} shadow="none" position="top">
      <Popover.Target>
        <ActionIcon aria-label="Link" title="Link" aria-pressed={on} aria-expanded={opened} onClick={show}>
          <Link2 size={15} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className={classes.link} aria-label="Link">
        <TextInput
          data-autofocus
          aria-label="Address of the link"
          placeholder="https://"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" && event.key !== "Escape") return;
            event.preventDefault();
            event.stopPropagation();
            if (event.key === "Enter") apply();
            else setOpened(false);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
