/** A file becomes records: chosen, its columns matched, looked at beforehand, run, and taken back where it was wrong. */
import { Button, Modal, Progress, Select } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { FileUp } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { useAct } from "@/hooks/useAct";
import { count, plural } from "@/lib/format";
import { type Import, importsApi } from "@/lib/merging";
import { capital, type Field } from "@/lib/recordFields";
import { recordKeys } from "@/lib/records";
import { ChoiceCards } from "@/ui/Choice";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { say } from "@/ui/toast";
import classes from "./ImportDialog.module.css";

interface Props {
  workspaceId: string;
  type: string;
  /** "People". */
  title: string;
  fields: Field[];
  onClose: () => void;
}

export default function ImportDialog({ workspaceId, type, title, fields, onClose }: Props) {
  const [made, setMade] = useState<Import>();
  const client = useQueryClient();
  const running = made !== undefined && isRunning(made.state);
  const polled = useQuery({
    queryKey: ["imports", workspaceId, made?.id],
    queryFn: ({ signal }) => importsApi.get(workspaceId, made?.id ?? "", signal),
    enabled: running,
    refetchInterval: 600,
  });
  const now = running && polled.data ? polled.data : made;
  const over = now !== undefined && isOver(now.state);
  const close = () => {
    if (now && now.state !== "ready") void client.invalidateQueries({ queryKey: recordKeys.all(workspaceId) });
    onClose();
  };
  return (
    <Modal
      opened
      size={now && !over && !running ? "xl" : "md"}
      onClose={close}
      title={`Import ${title.toLowerCase()}`}
      closeButtonProps={{ "aria-label": "Close" }}
      closeOnClickOutside={!now}
    >
      {!now && <Choose workspaceId={workspaceId} type={type} onMade={setMade} />}
      {now && !running && !over && (
        <Match workspaceId={workspaceId} of={now} fields={fields} onChange={setMade} onClose={close} />
      )}
      {now && running && !over && <Running of={now} />}
      {now && over && <Over workspaceId={workspaceId} of={now} onClose={close} />}
    </Modal>
  );
}

const isRunning = (state: string) => state === "queued" || state === "running" || isOver(state);
const isOver = (state: string) => state === "done" || state === "undoing" || state === "undone";

/** The bytes as they are: the server finds out which letters they mean. */
const base64 = (file: File) =>
  new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

const largest = 20 * 1024 * 1024;

function Choose({ workspaceId, type, onMade }: { workspaceId: string; type: string; onMade: (made: Import) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const read = useAct<File, Import>({
    run: async (file) => {
      const vcard = /\.vcf$/i.test(file.name) || file.type === "text/vcard";
      return importsApi.create(workspaceId, {
        type,
        format: vcard ? "vcard" : "csv",
        name: file.name,
        data: await base64(file),
      });
    },
    stale: [],
    onDone: onMade,
  });
  const take = (file: File | undefined) => {
    if (!file) return;
    setRefusal(file.size > largest ? "The file is larger than 20 MB. Split it, or use the API." : undefined);
    if (file.size <= largest) read.mutate(file);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shorter way beside the button */}
      <div
        className={classes.drop}
        data-over={over || undefined}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <FileUp size={22} strokeWidth={1.5} />
        <p>
          A table with a head line (CSV){type === "person" && ", or contacts (vCard)"}. Nothing is stored before you
          have seen what will happen.
        </p>
        <Button variant="filled" loading={read.isPending} onClick={() => input.current?.click()}>
          Choose a file
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          aria-label="File to import"
          accept={type === "person" ? ".csv,.tsv,.txt,.vcf,text/csv,text/vcard" : ".csv,.tsv,.txt,text/csv"}
          onChange={(event) => {
            take(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
      </div>
      {refusal && <DialogProblem error={new Error(refusal)} />}
      <DialogProblem error={read.error} />
    </>
  );
}

const skip = "-";
const singular: Record<string, string> = { emails: "email", phones: "phone", domains: "domain" };

/** What a column can become. */
export function targets(fields: Field[]): { value: string; label: string }[] {
  const rest = fields
    .filter((f) => f.editable && f.kind !== "people" && f.kind !== "class")
    .map((f) => ({ value: f.custom ? `fields.${f.key}` : (singular[f.key] ?? f.key), label: f.name }));
  return [{ value: skip, label: "Leave out" }, ...rest];
}

interface MatchProps {
  workspaceId: string;
  of: Import;
  fields: Field[];
  onChange: (next: Import) => void;
  onClose: () => void;
}

function Match({ workspaceId, of, fields, onChange, onClose }: MatchProps) {
  const change = useAct<Parameters<typeof importsApi.change>[2], Import>({
    run: (patch) => importsApi.change(workspaceId, of.id, patch),
    stale: [],
    onDone: onChange,
    line: `import ${of.id}`,
  });
  const run = useAct({ run: () => importsApi.run(workspaceId, of.id), stale: [], onDone: onChange });
  const known = targets(fields);
  const counts = of.counts ?? {};
  const useful = (counts.create ?? 0) + (counts.update ?? 0);
  return (
    <>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">For example</th>
              <th scope="col">Becomes</th>
            </tr>
          </thead>
          <tbody>
            {of.columns.map((c) => (
              <tr key={c.name}>
                <th scope="row">{c.name}</th>
                <td className={classes.samples}>{c.samples.slice(0, 3).join(" · ")}</td>
                <td>
                  <Select
                    aria-label={`${c.name} becomes`}
                    data={
                      !c.field || known.some((k) => k.value === c.field)
                        ? known
                        : [...known, { value: c.field, label: capital(c.field) }]
                    }
                    value={c.field || skip}
                    searchable
                    onChange={(field) => change.mutate({ mapping: { [c.name]: field === skip ? "" : (field ?? "") } })}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className={classes.match}>
        <ChoiceCards
          label="Where a record is there already"
          value={of.on_match}
          onChange={(on_match) => change.mutate({ on_match })}
          options={[
            {
              value: "update",
              title: "Fill it in",
              detail: "What is there already and was found the same is completed.",
            },
            { value: "skip", title: "Leave it", detail: "Lines of records that are there already are left out." },
            { value: "create", title: "Make another", detail: "Every line becomes a record of its own." },
          ]}
        />
      </div>
      <p className={classes.sum} role="status">
        {plural(of.rows, "line")}: <Counts of={counts} />
      </p>
      <ol className={classes.preview} aria-label="The first lines">
        {of.preview.map((row) => (
          <li key={row.row} data-action={row.action}>
            <span className={classes.number}>{row.row}</span>
            <span className={classes.rowName}>{row.name || "No name"}</span>
            <span className={classes.action}>{actionText[row.action] ?? row.action}</span>
            {row.why && <small>{row.why}</small>}
          </li>
        ))}
      </ol>
      <DialogProblem error={change.error ?? run.error} />
      <DialogFoot>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button
          variant="filled"
          disabled={useful === 0 || change.isPending}
          loading={run.isPending}
          onClick={() => run.mutate()}
        >
          Import {count(useful)}
        </Button>
      </DialogFoot>
    </>
  );
}

const actionText: Record<string, string> = {
  create: "New",
  update: "Completed",
  skip: "Left out",
  error: "Cannot be read",
};

const countWords: [string, string][] = [
  ["create", "new"],
  ["created", "made"],
  ["update", "completed"],
  ["updated", "completed"],
  ["skip", "left out"],
  ["skipped", "left out"],
  ["error", "with mistakes"],
  ["failed", "with mistakes"],
];

function Counts({ of }: { of: Record<string, number> }) {
  const said = countWords.flatMap(([key, word]) => (of[key] ? [`${count(of[key] ?? 0)} ${word}`] : []));
  return <span>{said.join(", ") || "nothing to do"}</span>;
}

function Running({ of }: { of: Import }) {
  const done = of.done ?? 0;
  return (
    <div className={classes.running} role="status">
      <p>
        {count(done)} of {count(of.rows)} lines
      </p>
      <Progress value={of.rows > 0 ? (100 * done) / of.rows : 0} aria-label="Progress" />
      <p className={classes.fine}>You can close this: it goes on by itself.</p>
    </div>
  );
}

function Over({ workspaceId, of, onClose }: { workspaceId: string; of: Import; onClose: () => void }) {
  const mistakes = useQuery({
    queryKey: ["imports", workspaceId, of.id, "mistakes"],
    queryFn: ({ signal }) => importsApi.mistakes(workspaceId, of.id, signal),
  });
  const told = (mistakes.data ?? "").trim().includes("\n"); // more than the heads
  const undo = useAct({
    run: () => importsApi.undo(workspaceId, of.id),
    stale: [recordKeys.all(workspaceId)],
    onDone: () => {
      say({ id: "import", text: "The import is taken back" });
      onClose();
    },
  });
  return (
    <>
      <p className={classes.sum} role="status">
        Imported: <Counts of={of.counts ?? {}} />
      </p>
      {told && (
        <p className={classes.fine}>
          <a href={importsApi.mistakesUrl(workspaceId, of.id)} download>
            The lines that could not be stored as they are
          </a>
          , each with its reason.
        </p>
      )}
      <DialogProblem error={undo.error} />
      <DialogFoot>
        <Button variant="subtle" loading={undo.isPending} onClick={() => undo.mutate()}>
          Undo the import
        </Button>
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </>
  );
}
