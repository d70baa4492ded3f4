/** The ways to records: in the sidebar, at the foot of a small screen, and in the palette. */
import { Menu } from "@mantine/core";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { LayoutGrid } from "lucide-react";
import { useActions } from "@/actions/actions";
import { useObjects, useRecordCounts } from "@/hooks/useRecords";
import { count } from "@/lib/format";
import { iconOf } from "@/ui/RecordMark";
import { paths } from "./paths";
import { activity, type Place, records, tidying } from "./places";
import { useSession } from "./session";
import classes from "./shell.module.css";

/** The standard types, and those that the workspace made. */
export function useRecordPlaces(): Place[] {
  const { workspace } = useSession();
  const { objects } = useObjects(workspace.id);
  const own = objects
    .filter((o) => !o.standard)
    .map((o): Place => ({ to: paths.objects, params: { type: o.key }, label: o.plural, icon: iconOf(o.key, o.icon) }));
  return [...records, ...own];
}

/** Offers every place of records to the palette and the keys. */
export function RecordActions() {
  const navigate = useNavigate();
  const places = useRecordPlaces();
  useActions(
    [...activity, ...places, ...tidying].map((place) => ({
      id: `go.${place.params?.type ?? place.label}`,
      label: place.label,
      group: "Go to",
      keys: place.keys ? [place.keys] : undefined,
      words: place.words,
      icon: place.icon,
      run: () => void navigate({ to: place.to, params: place.params } as never),
    })),
  );
  return null;
}

const typeOf = (place: Place) =>
  place.params?.type ?? { People: "person", Companies: "company", Deals: "deal" }[place.label] ?? "";

export function RecordNav() {
  const { workspace } = useSession();
  const places = useRecordPlaces();
  const counts = useRecordCounts(workspace.id);
  return (
    <>
      {activity.map((place) => (
        <Item key={place.label} place={place} />
      ))}
      <p className={classes.group}>Records</p>
      {places.map((place) => (
        <Item key={place.params?.type ?? place.label} place={place} count={counts.data?.[typeOf(place)]} />
      ))}
    </>
  );
}

function Item({ place, count: n }: { place: Place; count?: number }) {
  const Icon = place.icon;
  return (
    <Link
      to={place.to}
      params={place.params as never}
      className={classes.item}
      activeOptions={{ includeSearch: false }}
      activeProps={{ "data-active": true }}
      title={place.label}
    >
      <Icon size={16} strokeWidth={1.75} />
      <span className={classes.itemLabel}>{place.label}</span>
      {n ? <span className={classes.quiet}>{count(n)}</span> : null}
    </Link>
  );
}

/** On a small screen: one way to all of them. */
export function RecordsMenu() {
  const places = useRecordPlaces();
  const active = useRouterState({
    select: (s) => /^\/crm\/(people|companies|deals|objects|records|activities|tasks)/.test(s.location.pathname),
  });
  return (
    <Menu position="top" width={220}>
      <Menu.Target>
        <button type="button" className={classes.tab} data-active={active || undefined}>
          <LayoutGrid size={20} strokeWidth={1.75} />
          Records
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {[...places, ...activity].map(({ to, params, label, icon: Icon }) => (
          <Menu.Item
            key={params?.type ?? label}
            component={Link}
            to={to}
            params={params as never}
            leftSection={<Icon size={16} />}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
