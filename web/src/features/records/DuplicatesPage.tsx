import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useActions } from "@/actions/actions";
import { useWorkspaceId } from "@/app/session";
import { usePages } from "@/hooks/usePages";
import { useObjects } from "@/hooks/useRecords";
import { type Duplicate, mergingApi } from "@/lib/merging";
import { fieldsOf, secondLine } from "@/lib/recordFields";
import { type CrmRecord, recordKeys } from "@/lib/records";
import { undoLast } from "@/lib/undoing";
import { Segments } from "@/ui/Choice";
import { Bones, Card, Empty, Failed, Page } from "@/ui/kit";
import { More } from "@/ui/More";
import { RecordChip } from "@/ui/RecordMark";
import { say, sayFailed } from "@/ui/toast";
import classes from "./Duplicates.module.css";

const MergeDialog = lazy(() => import("./MergeDialog"));

export function DuplicatesPage() {
  const workspaceId = useWorkspaceId();
  const client = useQueryClient();
  const { objectOf } = useObjects(workspaceId);
  const [type, setType] = useState<"person" | "company">("person");
  const [merging, setMerging] = useState<CrmRecord[]>();
  const [leaving, setLeaving] = useState<ReadonlySet<string>>(new Set());
  const queryKey = recordKeys.duplicates(workspaceId, type);
  const list = usePages<Duplicate>({
    queryKey,
    read: (cursor, signal) => mergingApi.duplicates(workspaceId, { type }, cursor, signal),
  });
  useActions([{ id: "duplicates.undo", label: "Undo the last merge", group: "Records", keys: ["z"], run: undoLast }]);
  const pairs = (list.data?.pages.flatMap((p) => p.items) ?? []).filter((d) => !leaving.has(d.id));
  const dismiss = async (pair: Duplicate) => {
    setLeaving(new Set([...leaving, pair.id]));
    try {
      await mergingApi.dismiss(workspaceId, pair.id);
      say({ id: `pair ${pair.id}`, text: "They are not shown as the same again" });
    } catch (error) {
      setLeaving((now) => new Set([...now].filter((id) => id !== pair.id)));
      sayFailed("They are still shown", error);
    }
    await client.invalidateQueries({ queryKey });
  };
  return (
    <Page
      title="Duplicates"
      wide
      lead="Records that are perhaps the same: by an address, by a number, or by a similar name in the same company. Nothing is merged by itself."
      aside={
        <Segments
          label="Type"
          value={type}
          onChange={setType}
          options={[
            { value: "person", title: "People" },
            { value: "company", title: "Companies" },
          ]}
        />
      }
    >
      <Card>
        {list.isPending ? (
          <Bones rows={4} height={84} />
        ) : list.error && !list.data ? (
          <Failed error={list.error} retry={list.refetch} title="Duplicates could not be looked for" />
        ) : pairs.length === 0 ? (
          <Empty icon={<Copy size={18} />} title="No duplicates">
            Every {type} is there once, as far as addresses, numbers and names say.
          </Empty>
        ) : (
          <ul className={classes.pairs} aria-label="Pairs">
            {pairs.map((pair) => (
              <li key={pair.id} className={classes.pair}>
                <div className={classes.two}>
                  {pair.records.map((r) => (
                    <div key={r.id} className={classes.one}>
                      <RecordChip record={r} icon={objectOf(r.type)?.icon} />
                      <small>{[secondLine(r), ...r.emails.map((e) => e.value)].filter(Boolean).join(" · ")}</small>
                    </div>
                  ))}
                </div>
                <p className={classes.why}>{pair.reasons.map((r) => r.detail).join(" · ")}</p>
                <div className={classes.acts}>
                  <Button size="xs" variant="filled" onClick={() => setMerging(pair.records)}>
                    Compare and merge
                  </Button>
                  <Button size="xs" variant="subtle" onClick={() => void dismiss(pair)}>
                    Not the same
                  </Button>
                </div>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <More list={list} />
      {merging && (
        <Suspense>
          <MergeDialog
            workspaceId={workspaceId}
            records={merging}
            fields={fieldsOf(type, objectOf(type))}
            onClose={() => setMerging(undefined)}
          />
        </Suspense>
      )}
    </Page>
  );
}
