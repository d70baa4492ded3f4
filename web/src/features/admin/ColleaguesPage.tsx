import { Button, Checkbox, Switch, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Link2, Search, UserRoundSearch } from "lucide-react";
import { useState } from "react";
import { paths } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { rows } from "@/hooks/usePages";
import { peopleApi } from "@/lib/adminApi";
import { left } from "@/lib/countdown";
import { plural } from "@/lib/format";
import { keys } from "@/lib/keys";
import { displayName } from "@/lib/people";
import { Problem } from "@/lib/problem";
import type { Colleague, ConnectLink, CreatedConnectLink } from "@/lib/types";
import { Card, Empty, Page, Person, Pill, Section, Time } from "@/ui/kit";
import { More } from "@/ui/More";
import { Cell, Table } from "@/ui/Table";
import classes from "./admin.module.css";
import { canBeAsked, colleagueState } from "./colleague";
import { LinksMade } from "./LinksMade";
import { List } from "./parts";
import { useConnectLinks, useDirectory } from "./useAdmin";

/** What a link of this page asks for: the mailbox, as the rest of Rapport does. */
const asked = ["gmail"];

export function ColleaguesPage() {
  const { workspace } = useSession();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 200);
  const [onlyMissing, setOnlyMissing] = useState(true);
  const [chosen, setChosen] = useState<ReadonlyMap<string, Colleague>>(new Map());
  const [made, setMade] = useState<CreatedConnectLink[]>();
  const list = useDirectory(workspace.id, q, onlyMissing);
  const people = rows(list.data);
  const make = useAct({
    run: () =>
      peopleApi.createLinks(
        workspace.id,
        [...chosen.values()].map((c) => ({ email: c.email, name: c.name })),
        asked,
      ),
    stale: [keys.admin.links(workspace.id), ["admin", workspace.id, "directory"], keys.members(workspace.id)],
    failed: "The links were not made",
    onDone: (result) => {
      setMade(result.items);
      setChosen(new Map());
    },
  });
  const closed = list.error instanceof Problem && list.error.code.startsWith("directory_") ? list.error : undefined;
  return (
    <Page
      title="Colleagues"
      wide
      lead="Who is in your organisation's directory at Google, and who has not connected yet. Send them a link: it needs no password."
    >
      {closed ? (
        <ConnectDirectory problem={closed} />
      ) : (
        <>
          <div className={classes.tools}>
            <Switch
              label="Only those not connected"
              checked={onlyMissing}
              onChange={(event) => setOnlyMissing(event.currentTarget.checked)}
            />
            <TextInput
              aria-label="Search the directory"
              placeholder="Name or address"
              leftSection={<Search size={14} />}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
          </div>
          <List
            query={list}
            what="The directory"
            rows={6}
            empty={people.length === 0 && !list.hasNextPage}
            whenEmpty={
              <Empty icon={<UserRoundSearch size={18} />} title={q ? "Nobody matches" : "Everybody has connected"}>
                {q ? `Nobody in the directory has “${q}” in their name or address.` : "There is nobody left to ask."}
              </Empty>
            }
          >
            <People people={people} chosen={chosen} onChoose={setChosen} />
          </List>
          <More list={list} />
          <Links />
          {chosen.size > 0 && (
            <section className={classes.saveBar} aria-label="Selected people">
              <p>{plural(chosen.size, "person", "people")} selected</p>
              <Button variant="subtle" onClick={() => setChosen(new Map())}>
                Clear
              </Button>
              <Button
                variant="filled"
                leftSection={<Link2 size={14} />}
                loading={make.isPending}
                onClick={() => make.mutate()}
              >
                Make connect links
              </Button>
            </section>
          )}
        </>
      )}
      {made && <LinksMade links={made} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

/** Nobody has connected the directory, or not with an account that may read it. */
function ConnectDirectory({ problem }: { problem: Problem }) {
  const { workspace, user } = useSession();
  const refused = problem.code === "directory_refused";
  return (
    <Card>
      <Empty
        icon={<UserRoundSearch size={18} />}
        title={refused ? "Google does not show the directory" : "The directory is not connected"}
        action={
          <Button
            component="a"
            href={problem.actionUrl || peopleApi.directoryConnectUrl(workspace.id, user.id, paths.adminColleagues)}
            variant="filled"
          >
            {refused ? "Connect another account" : "Connect the directory"}
          </Button>
        }
      >
        {problem.detail} It asks for one permission: to see who is in your organisation.
      </Empty>
    </Card>
  );
}

const columns = [
  { id: "choose", title: "Select", hidden: true, width: "2.5rem" },
  { id: "who", title: "Colleague" },
  { id: "unit", title: "Unit", wide: true },
  { id: "state", title: "State" },
  { id: "link", title: "Link made", wide: true, width: "7rem" },
];

interface PeopleProps {
  people: Colleague[];
  chosen: ReadonlyMap<string, Colleague>;
  onChoose: (chosen: ReadonlyMap<string, Colleague>) => void;
}

function People({ people, chosen, onChoose }: PeopleProps) {
  const able = people.filter(canBeAsked);
  const all = able.length > 0 && able.every((c) => chosen.has(c.email));
  const toggle = (list: Colleague[], on: boolean) => {
    const next = new Map(chosen);
    for (const c of list) {
      if (on) next.set(c.email, c);
      else next.delete(c.email);
    }
    onChoose(next);
  };
  const some = able.some((c) => chosen.has(c.email));
  const head = able.length > 0 && (
    <Checkbox
      aria-label="Select everybody shown"
      checked={all}
      indeterminate={some && !all}
      onChange={() => toggle(able, !all)}
    />
  );
  return (
    <Table
      columns={columns.map((c) => (c.id === "choose" && head ? { ...c, title: head, hidden: false } : c))}
      label="Colleagues"
    >
      {people.map((person) => {
        const state = colleagueState(person);
        return (
          <tr key={person.id}>
            <Cell>
              {canBeAsked(person) && (
                <Checkbox
                  aria-label={`Select ${displayName(person.name, person.email)}`}
                  checked={chosen.has(person.email)}
                  onChange={(event) => toggle([person], event.currentTarget.checked)}
                />
              )}
            </Cell>
            <Cell main>
              <Person name={person.name} email={person.email} />
            </Cell>
            <Cell wide quiet>
              {person.org_unit === "/" ? "" : person.org_unit.replace(/^\//, "")}
            </Cell>
            <Cell>
              <Pill tone={state.tone}>{state.label}</Pill>
            </Cell>
            <Cell wide quiet>
              {person.link_sent_at && <Time iso={person.link_sent_at} />}
            </Cell>
          </tr>
        );
      })}
    </Table>
  );
}

const linkColumns = [
  { id: "who", title: "For" },
  { id: "state", title: "State", width: "9rem" },
  { id: "made", title: "Made", wide: true, width: "8rem" },
  { id: "act", title: "Revoke", hidden: true, end: true, width: "6rem" },
];

export const isOpen = (l: ConnectLink, now = new Date()) => !l.used_at && new Date(l.expires_at) > now;

/** Links that can still be opened. */
function Links() {
  const { workspace } = useSession();
  const list = useConnectLinks(workspace.id);
  const open = rows(list.data).filter((l) => isOpen(l));
  const revoke = useAct({
    run: (link: ConnectLink) => peopleApi.revokeLink(workspace.id, link.id),
    stale: [keys.admin.links(workspace.id)],
    done: (_, l) => `The link of ${displayName(l.name, l.email)} is worthless now.`,
    failed: "The link was not revoked",
  });
  if (open.length === 0) return null;
  return (
    <Section title="Links not used yet">
      <Table columns={linkColumns} label="Links not used yet">
        {open.map((link) => (
          <tr key={link.id}>
            <Cell main>
              <Person name={link.name} email={link.email} />
            </Cell>
            <Cell quiet>Ends {left(link.expires_at)}</Cell>
            <Cell wide quiet>
              <Time iso={link.created_at} />
            </Cell>
            <Cell end>
              <Button
                size="xs"
                aria-label={`Revoke the link of ${displayName(link.name, link.email)}`}
                loading={revoke.isPending && revoke.variables?.id === link.id}
                onClick={() => revoke.mutate(link)}
              >
                Revoke
              </Button>
            </Cell>
          </tr>
        ))}
      </Table>
      <More list={list} />
    </Section>
  );
}
