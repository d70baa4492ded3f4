/** Two records that are the same become one: what stands in both is chosen, the rest is kept. It can be undone. */
import { Button, Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { paths } from "@/app/paths";
import { mergingApi } from "@/lib/merging";
import { contentOf, type Field, textOf } from "@/lib/recordFields";
import { type CrmRecord, recordKeys } from "@/lib/records";
import { cannotUndo, canUndo } from "@/lib/undoing";
import { DialogFoot, DialogProblem } from "@/ui/Confirm";
import { Time } from "@/ui/kit";
import { RecordPicker } from "@/ui/pickers";
import { RecordMark } from "@/ui/RecordMark";
import { say, sayFailed } from "@/ui/toast";
import classes from "./MergeDialog.module.css";

interface Props {
  workspaceId: string;
  /** One, to choose the other in the dialog, or two. The first stays. */
  records: CrmRecord[];
  fields: Field[];
  onClose: () => void;
  onMerged?: () => void;
}

/** Several values are put together; of one value, one stays. */
const joined = new Set(["emails", "phones", "domains", "tags", "people"]);

/** The fields of which only one of two different values can stay. */
export function conflicts(a: CrmRecord, b: CrmRecord, fields: Field[]): Field[] {
  return fields.filter(
    (f) =>
      f.editable &&
      !joined.has(f.kind) &&
      contentOf(a, f) !== undefined &&
      contentOf(b, f) !== undefined &&
      textOf(a, f) !== textOf(b, f),
  );
}

export default function MergeDialog({ workspaceId, records, fields, onClose, onMerged }: Props) {
  const [first] = records;
  const [other, setOther] = useState(records[1]);
  if (!first) return null;
  return (
    <Modal
      opened
      size={other ? "lg" : "md"}
      onClose={onClose}
      title={other ? "Merge two records" : `Merge ${first.name} with`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {other ? (
        <Compare workspaceId={workspaceId} a={first} b={other} fields={fields} onClose={onClose} onMerged={onMerged} />
      ) : (
        <div className={classes.find}>
          <RecordPicker
            workspaceId={workspaceId}
            type={first.type}
            label="Find the other record"
            without={[first.id]}
            onChoose={(r) => r && setOther(r)}
          />
        </div>
      )}
    </Modal>
  );
}

interface CompareProps extends Omit<Props, "records"> {
  a: CrmRecord;
  b: CrmRecord;
}

function Compare({ workspaceId, a, b, fields, onClose, onMerged }: CompareProps) {
  const merge = useMerge(workspaceId);
  const different = conflicts(a, b, fields);
  const [into, setInto] = useState(a.id);
  const [keep, setKeep] = useState<Record<string, string>>({});
  const chosen = (field: Field) => keep[field.key] ?? into;
  const keyOf = (f: Field) => (f.custom ? `fields.${f.key}` : f.key);
  const submit = async () => {
    const other = into === a.id ? b.id : a.id;
    const done = await merge.run(into, other, Object.fromEntries(different.map((f) => [keyOf(f), chosen(f)])));
    if (!done) return;
    onMerged?.();
    onClose();
  };
  return (
    <>
      <p className={classes.lead}>
        Mail, notes, tasks, tags, addresses and numbers of both come together. Choose which record goes on, and what
        stays where they differ.
      </p>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Field</span>
            </th>
            {[a, b].map((r) => (
              <th key={r.id} scope="col">
                <label className={classes.head} data-chosen={into === r.id || undefined}>
                  <input
                    type="radio"
                    name="into"
                    checked={into === r.id}
                    onChange={() => {
                      setInto(r.id);
                      setKeep({});
                    }}
                  />
                  <RecordMark record={r} size={28} />
                  <span>
                    <strong>{r.name}</strong>
                    <small>
                      {into === r.id ? "goes on" : "goes into the other"} · since <Time iso={r.created_at} />
                    </small>
                  </span>
                </label>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {different.map((f) => (
            <tr key={f.key}>
              <th scope="row">{f.name}</th>
              {[a, b].map((r) => (
                <td key={r.id}>
                  <label className={classes.value} data-chosen={chosen(f) === r.id || undefined}>
                    <input
                      type="radio"
                      name={f.key}
                      checked={chosen(f) === r.id}
                      aria-label={`${f.name}: ${textOf(r, f)}`}
                      onChange={() => setKeep({ ...keep, [f.key]: r.id })}
                    />
                    <span>{textOf(r, f)}</span>
                  </label>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {different.length === 0 && <p className={classes.same}>They contradict each other in nothing.</p>}
      <DialogProblem error={merge.error} />
      <DialogFoot>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button variant="filled" loading={merge.busy} onClick={() => void submit()}>
          Merge
        </Button>
      </DialogFoot>
    </>
  );
}

function useMerge(workspaceId: string) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const fresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: recordKeys.all(workspaceId) }),
      client.invalidateQueries({ queryKey: recordKeys.timelines(workspaceId) }),
    ]);
  const run = async (into: string, other: string, keep: Record<string, string>) => {
    setBusy(true);
    setError(undefined);
    try {
      const { merge_id, record } = await mergingApi.merge(workspaceId, into, [other], keep);
      const undo = async () => {
        cannotUndo(undo);
        try {
          await mergingApi.undo(workspaceId, merge_id);
          say({ id: `merge ${merge_id}`, text: "They are two records again" });
        } catch (problem) {
          sayFailed("The merge could not be undone", problem);
        }
        await fresh();
      };
      canUndo(undo);
      say({
        id: `merge ${merge_id}`,
        text: `Merged into ${record.name}`,
        ms: 20_000,
        actions: [
          { label: "Open", run: () => void navigate({ to: paths.record, params: { record: record.id } }) },
          { label: "Undo", keys: "Z", run: () => void undo() },
        ],
      });
      await fresh();
      return true;
    } catch (problem) {
      setError(problem);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, error };
}
