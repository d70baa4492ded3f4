/** The page of a record: facts at the left, what happened in the middle, what belongs to it at the right. */
import { ActionIcon, Button, Menu } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Navigate, useNavigate, useParams } from "@tanstack/react-router";
import {
  ChevronRight,
  Ellipsis,
  GitMerge,
  Link2,
  Mail,
  RotateCcw,
  Sparkles,
  SquareCheck,
  StickyNote,
  Trash2,
  Undo2,
} from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { useActions } from "@/actions/actions";
import { NotFound } from "@/app/fallbacks";
import { paths, tableOf } from "@/app/paths";
import { useWorkspaceId } from "@/app/session";
import { useObjects, useRecord, useRecordEdit } from "@/hooks/useRecords";
import { plural } from "@/lib/format";
import { Problem } from "@/lib/problem";
import { type Field, fieldsOf } from "@/lib/recordFields";
import { suggestionsApi } from "@/lib/recordMail";
import { type CrmRecord, recordKeys, recordsApi } from "@/lib/records";
import { cannotUndo, undoLast, willUndo } from "@/lib/undoing";
import { Segments } from "@/ui/Choice";
import { Bones, Failed, Hint, Time, useTitle } from "@/ui/kit";
import { RecordMark } from "@/ui/RecordMark";
import { say, sayFailed } from "@/ui/toast";
import { Facts } from "./Facts";
import { FieldEditor } from "./FieldEditor";
import classes from "./RecordPage.module.css";
import { Related } from "./Related";
import { Timeline } from "./Timeline";

const MergeDialog = lazy(() => import("./MergeDialog"));

export function RecordPage() {
  const { record: id } = useParams({ from: "/crm/records/$record" });
  const workspaceId = useWorkspaceId();
  const query = useRecord(workspaceId, id);
  useTitle(query.data?.name ?? "Record");
  // A record that was merged is read as the one it was merged into.
  if (query.data && query.data.id !== id)
    return <Navigate to={paths.record} params={{ record: query.data.id }} replace />;
  if (query.data) return <Opened key={id} workspaceId={workspaceId} record={query.data} />;
  if (query.error instanceof Problem && query.error.status === 404) return <NotFound within />;
  if (query.error) return <Failed error={query.error} retry={query.refetch} title="The record could not be loaded" />;
  return (
    <div className={classes.loading}>
      <Bones rows={8} height={52} />
    </div>
  );
}

type Pane = "facts" | "timeline" | "related";

function Opened({ workspaceId, record }: { workspaceId: string; record: CrmRecord }) {
  const { objectOf } = useObjects(workspaceId);
  const { edit, refused } = useRecordEdit(workspaceId);
  const acts = useRecordActs(workspaceId, record);
  const [merging, setMerging] = useState<CrmRecord[]>();
  const [renaming, setRenaming] = useState(false);
  const [pane, setPane] = useState<Pane>("timeline");
  const wide = useMediaQuery("(min-width: 1240px)", true) ?? true;
  const small = useMediaQuery("(max-width: 860px)", false) ?? false;
  const note = useRef<HTMLTextAreaElement>(null);
  const object = objectOf(record.type);
  const fields = fieldsOf(record.type, object);
  const readOnly = record.deleted_at !== null || Boolean(record.merged_into);
  const onEdit = (field: Field, value: unknown) => void edit(record, field, value);
  const group = "Record";
  useActions([
    {
      id: "record.note",
      label: "Write a note",
      group,
      keys: ["n"],
      icon: StickyNote,
      when: () => !readOnly,
      run: () => focusIn("timeline", () => note.current?.focus()),
    },
    {
      id: "record.task",
      label: "New task",
      group,
      keys: ["t"],
      icon: SquareCheck,
      when: () => !readOnly,
      run: () => focusIn("related", () => document.getElementById("new-task")?.focus()),
    },
    { id: "record.rename", label: "Rename", group, keys: ["F2"], when: () => !readOnly, run: () => setRenaming(true) },
    {
      id: "record.enrich",
      label: "Find details in mail",
      group,
      icon: Sparkles,
      words: "enrich signature",
      when: () => !readOnly,
      run: () => void acts.enrich(),
    },
    {
      id: "record.mail",
      label: "Write to them",
      group,
      keys: ["w"],
      icon: Mail,
      when: () => record.emails.length > 0,
      run: acts.mail,
    },
    {
      id: "record.merge",
      label: "Merge with another",
      group,
      keys: ["m"],
      icon: GitMerge,
      when: () => !readOnly,
      run: () => setMerging([]),
    },
    { id: "record.copy", label: "Copy the link", group, icon: Link2, run: acts.copy },
    {
      id: "record.delete",
      label: "Delete the record",
      group,
      keys: ["#"],
      icon: Trash2,
      when: () => !readOnly,
      run: () => void acts.remove(),
    },
    { id: "record.undo", label: "Undo the last change", group, keys: ["z"], icon: Undo2, run: undoLast },
    { id: "record.back", label: "Back to the table", group, keys: ["u"], quiet: true, run: acts.back },
  ]);
  const focusIn = (where: Pane, focus: () => void) => {
    setPane(where);
    requestAnimationFrame(focus);
  };
  const nameField = fields[0] as Field;
  const facts = (
    <Facts
      workspaceId={workspaceId}
      record={record}
      fields={fields}
      refused={refused}
      readOnly={readOnly}
      onEdit={onEdit}
    />
  );
  const related = <Related workspaceId={workspaceId} record={record} readOnly={readOnly} onMerge={setMerging} />;
  const timeline = <Timeline workspaceId={workspaceId} record={record} readOnly={readOnly} note={note} />;
  return (
    <section className={classes.page} aria-label={record.name}>
      <header className={classes.head}>
        <Link {...tableOf(record.type)} className={classes.crumb}>
          {{ person: "People", company: "Companies", deal: "Deals" }[record.type] ?? object?.plural ?? "Records"}
        </Link>
        <ChevronRight size={14} />
        <span className={classes.here}>{record.name}</span>
        <span className={classes.gap} />
        {!readOnly && (record.type === "person" || record.type === "company") && (
          <Hint label="Looks for title, phones and company in their mail">
            <Button
              size="xs"
              leftSection={<Sparkles size={14} />}
              loading={acts.enriching}
              onClick={() => void acts.enrich()}
            >
              Find details
            </Button>
          </Hint>
        )}
        {record.emails.length > 0 && (
          <ActionIcon aria-label="Write to them" title="Write to them" onClick={acts.mail}>
            <Mail size={16} />
          </ActionIcon>
        )}
        <Menu position="bottom-end" width={210}>
          <Menu.Target>
            <ActionIcon aria-label="More">
              <Ellipsis size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<Link2 size={15} />} onClick={acts.copy}>
              Copy the link
            </Menu.Item>
            {!readOnly && (
              <>
                <Menu.Item leftSection={<GitMerge size={15} />} onClick={() => setMerging([])}>
                  Merge with another
                </Menu.Item>
                <Menu.Divider />
                <Menu.Item color="var(--bad)" leftSection={<Trash2 size={15} />} onClick={() => void acts.remove()}>
                  Delete
                </Menu.Item>
              </>
            )}
          </Menu.Dropdown>
        </Menu>
      </header>
      {readOnly && <Gone record={record} onRestore={() => void acts.restore()} />}
      {small && (
        <div className={classes.panes}>
          <Segments
            label="What is shown"
            value={pane}
            onChange={setPane}
            options={[
              { value: "facts", title: "Facts" },
              { value: "timeline", title: "Timeline" },
              { value: "related", title: "Related" },
            ]}
          />
        </div>
      )}
      <div className={classes.body} data-wide={wide || undefined} data-small={small || undefined}>
        {(!small || pane === "facts") && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled is reached by the keys
          <aside className={classes.left} aria-label="Facts" tabIndex={0}>
            <div className={classes.title}>
              <RecordMark record={record} icon={object?.icon} size={44} />
              <div className={classes.titleText}>
                {renaming ? (
                  <FieldEditor
                    workspaceId={workspaceId}
                    record={record}
                    field={nameField}
                    onDone={(value) => {
                      setRenaming(false);
                      onEdit(nameField, value);
                    }}
                    onKeep={() => undefined}
                    onCancel={() => setRenaming(false)}
                  />
                ) : (
                  <h1>
                    {readOnly ? (
                      record.name
                    ) : (
                      <button type="button" title="Rename (F2)" onClick={() => setRenaming(true)}>
                        {record.name || "Unnamed"}
                      </button>
                    )}
                  </h1>
                )}
                <p>
                  {record.last_at ? (
                    <>
                      Last activity <Time iso={record.last_at} style="long" />
                    </>
                  ) : (
                    "No activity yet"
                  )}
                </p>
              </div>
            </div>
            {facts}
            {!wide && !small && <div className={classes.below}>{related}</div>}
          </aside>
        )}
        {(!small || pane === "timeline") && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
          <section className={classes.middle} aria-label="What happened" tabIndex={0}>
            {timeline}
          </section>
        )}
        {(wide || (small && pane === "related")) && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
          <aside className={classes.right} aria-label="Related" tabIndex={0}>
            {related}
          </aside>
        )}
      </div>
      {merging && (
        <Suspense>
          <MergeDialog
            workspaceId={workspaceId}
            records={[record, ...merging]}
            fields={fields}
            onClose={() => setMerging(undefined)}
          />
        </Suspense>
      )}
    </section>
  );
}

function useRecordActs(workspaceId: string, record: CrmRecord) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [enriching, setEnriching] = useState(false);
  const fresh = () => client.invalidateQueries({ queryKey: recordKeys.all(workspaceId) });
  const back = () => void navigate({ ...tableOf(record.type) } as never);
  const restore = async () => {
    try {
      await recordsApi.restore(workspaceId, record.id);
      say({ id: `record ${record.id}`, text: `${record.name} is back` });
    } catch (error) {
      sayFailed("It could not be restored", error);
    }
    await fresh();
  };
  return {
    enriching,
    back,
    restore,
    mail: () => void navigate({ to: paths.inbox, search: { compose: `to:${record.emails[0]?.value}` } }),
    copy: () =>
      void navigator.clipboard
        .writeText(location.href)
        .then(() => say({ id: "copied", text: "Link copied", ms: 3000 }))
        .catch((error: unknown) => sayFailed("The link was not copied", error)),
    remove: async () => {
      const asked = recordsApi.remove(workspaceId, record.id);
      const undo = () => {
        cannotUndo(undo);
        void restore();
      };
      const isTaken = willUndo(asked.then(() => undo));
      try {
        await asked;
        if (isTaken()) return;
        say({
          id: `record ${record.id}`,
          text: `${record.name} is deleted`,
          ms: 12_000,
          actions: [{ label: "Undo", keys: "Z", run: undo }],
        });
        back();
      } catch (error) {
        sayFailed("It was not deleted", error);
      }
      await fresh();
    },
    enrich: async () => {
      setEnriching(true);
      try {
        const { applied, suggested } = await suggestionsApi.enrich(workspaceId, record.id);
        const found = [
          applied.length > 0 && `${plural(applied.length, "value")} filled in`,
          suggested.length > 0 && `${plural(suggested.length, "suggestion")} to look at`,
        ].filter(Boolean);
        say({ id: "enriched", text: found.length > 0 ? found.join(", ") : "Nothing new was found in their mail" });
      } catch (error) {
        sayFailed("Nothing could be looked for", error);
      }
      setEnriching(false);
      await fresh();
    },
  };
}

function Gone({ record, onRestore }: { record: CrmRecord; onRestore: () => void }) {
  return (
    <div className={classes.gone} role="status">
      {record.merged_into ? (
        <>
          <span>This record was merged into another.</span>
          <Link to={paths.record} params={{ record: record.merged_into }}>
            Open that one
          </Link>
        </>
      ) : (
        <>
          <span>
            Deleted <Time iso={record.deleted_at ?? ""} style="long" />. It is in no list, and no mail is linked to it.
          </span>
          <Button size="xs" leftSection={<RotateCcw size={14} />} onClick={onRestore}>
            Restore
          </Button>
        </>
      )}
    </div>
  );
}
