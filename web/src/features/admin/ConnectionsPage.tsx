import { Button, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Activity, Search } from "lucide-react";
import { useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { rows } from "@/hooks/usePages";
import { peopleApi } from "@/lib/adminApi";
import { left } from "@/lib/countdown";
import { plural } from "@/lib/format";
import { keys } from "@/lib/keys";
import type { AdminConnection, CreatedConnectLink } from "@/lib/types";
import { Segments } from "@/ui/Choice";
import { Empty, Page, Person, Pill, Time } from "@/ui/kit";
import { Cell, Table } from "@/ui/Table";
import classes from "./admin.module.css";
import { healthOf, matches, needsAttention } from "./health";
import { LinksMade } from "./LinksMade";
import { List } from "./parts";
import { useAll, useConnections } from "./useAdmin";

type Filter = "all" | "attention";

const columns = [
  { id: "who", title: "Member and Google account", width: "38%" },
  { id: "state", title: "State" },
  { id: "sync", title: "Last sync", wide: true, width: "7rem" },
  { id: "act", title: "Actions", hidden: true, end: true, width: "8rem" },
];

export function ConnectionsPage() {
  const { workspace } = useSession();
  const list = useConnections(workspace.id);
  const [filter, setFilter] = useState<Filter>("all");
  const [text, setText] = useState("");
  const [made, setMade] = useState<CreatedConnectLink[]>();
  useAll(list);
  const all = rows(list.data);
  const troubled = all.filter(needsAttention);
  const shown = (filter === "attention" ? troubled : all).filter((c) => matches(c, text));
  return (
    <Page
      title="Connections"
      wide
      lead="Every Google account that is connected here, and how it does. Whose mail it is stays theirs: only its state is shown."
    >
      <div className={classes.tools}>
        <Segments<Filter>
          label="Which connections"
          value={filter}
          onChange={setFilter}
          options={[
            { value: "all", title: "All" },
            {
              value: "attention",
              title: (
                <>Needs attention {troubled.length > 0 && <span className={classes.count}>{troubled.length}</span>}</>
              ),
            },
          ]}
        />
        <TextInput
          aria-label="Search connections"
          placeholder="Name or address"
          leftSection={<Search size={14} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <List
        query={list}
        what="The connections"
        rows={5}
        empty={shown.length === 0 && !list.hasNextPage}
        whenEmpty={<Nothing all={all.length} filter={filter} text={text} />}
      >
        <Table columns={columns} label="Connections">
          {shown.map((connection) => (
            <ConnectionRow key={connection.id} connection={connection} onMade={setMade} />
          ))}
        </Table>
      </List>
      {made && <LinksMade links={made} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

function Nothing({ all, filter, text }: { all: number; filter: Filter; text: string }) {
  if (all === 0) {
    return (
      <Empty
        icon={<Activity size={18} />}
        title="Nobody has connected yet"
        action={
          <Button component={Link} to={paths.adminColleagues}>
            Send connect links
          </Button>
        }
      >
        Members connect by themselves, or by a link that you send them.
      </Empty>
    );
  }
  if (text) return <Empty title="Nothing matches">No connection has “{text}” in its name or address.</Empty>;
  return (
    <Empty title={filter === "attention" ? "All connections are well" : "Nothing here"}>
      {plural(all, "connection")} in all.
    </Empty>
  );
}

function ConnectionRow({
  connection: c,
  onMade,
}: {
  connection: AdminConnection;
  onMade: (links: CreatedConnectLink[]) => void;
}) {
  const { workspace } = useSession();
  const health = healthOf(c);
  const link = useAct({
    run: () => peopleApi.createLinks(workspace.id, [{ email: c.user_email, name: c.user_name }], ["gmail"]),
    stale: [keys.admin.links(workspace.id)],
    failed: "The link was not made",
    onDone: (made) => onMade(made.items),
  });
  return (
    <tr>
      <Cell main>
        <Person name={c.user_name || c.user_email} email={c.google_email || c.user_email} />
      </Cell>
      <Cell>
        <Pill tone={health.tone}>{health.label}</Pill>
        {health.detail && <p className={classes.fine}>{health.detail}</p>}
        {c.refresh_expires_at && <p className={classes.fine}>Google ends it {left(c.refresh_expires_at)}</p>}
      </Cell>
      <Cell wide quiet>
        {c.last_sync_at ? <Time iso={c.last_sync_at} style="ago" /> : "never"}
      </Cell>
      <Cell end>
        {health.repair && (
          <Button
            size="xs"
            loading={link.isPending}
            onClick={() => link.mutate()}
            title="A link with which they connect again"
          >
            Connect link
          </Button>
        )}
      </Cell>
    </tr>
  );
}
