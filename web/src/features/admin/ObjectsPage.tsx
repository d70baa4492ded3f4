import { Button, Menu, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Blocks, Ellipsis, Plus } from "lucide-react";
import { useState } from "react";
import { tableOf } from "@/app/paths";
import { useSession } from "@/app/session";
import { useAct } from "@/hooks/useAct";
import { useObjects, useRecordCounts } from "@/hooks/useRecords";
import { countries } from "@/lib/countries";
import { count, plural } from "@/lib/format";
import { type ObjectType, objectsApi, recordKeys, recordSettingsApi } from "@/lib/records";
import { Confirm } from "@/ui/Confirm";
import { Card, Empty, Page, Row, Section } from "@/ui/kit";
import { iconOf } from "@/ui/RecordMark";
import { Cell, Table } from "@/ui/Table";
import { ObjectDialog } from "./ObjectDialog";
import classes from "./objects.module.css";
import { List } from "./parts";

const columns = [
  { id: "name", title: "Type", width: "34%" },
  { id: "fields", title: "Fields", wide: true },
  { id: "count", title: "Records", end: true, width: "7rem" },
  { id: "act", title: "Acts", hidden: true, end: true, width: "5rem" },
];

export function ObjectsPage() {
  const { workspace } = useSession();
  const list = useObjects(workspace.id);
  const counts = useRecordCounts(workspace.id);
  const [making, setMaking] = useState(false);
  const [changing, setChanging] = useState<ObjectType>();
  const [removing, setRemoving] = useState<ObjectType>();
  const own = list.objects.filter((o) => !o.standard);
  const standard = list.objects.filter((o) => o.standard);
  const of = (o: ObjectType) => counts.data?.[o.key] ?? o.count ?? 0;
  const create = (
    <Button size="xs" variant="filled" leftSection={<Plus size={14} />} onClick={() => setMaking(true)}>
      Create a type
    </Button>
  );
  return (
    <Page
      title="Object types"
      wide
      lead="What your work is about, besides people, companies and deals: projects, houses, machines. Each type has a table, pages and fields of its own."
      aside={own.length > 0 && create}
    >
      <List
        query={list}
        what="The object types"
        empty={own.length === 0}
        whenEmpty={
          <Empty icon={<Blocks size={18} />} title="No types of your own yet" action={create}>
            A type has a name, an icon and fields. Its table is there for every member at once.
          </Empty>
        }
      >
        <Rows of={own} label="Own types" count={of} onChange={setChanging} onRemove={setRemoving} />
      </List>
      {standard.length > 0 && (
        <Section title="Always there" note="You can give them fields of your own.">
          <Rows of={standard} label="Standard types" count={of} onChange={setChanging} />
        </Section>
      )}
      <Numbers />
      {making && <ObjectDialog onClose={() => setMaking(false)} />}
      {changing && <ObjectDialog object={changing} onClose={() => setChanging(undefined)} />}
      {removing && <Remove object={removing} records={of(removing)} onClose={() => setRemoving(undefined)} />}
    </Page>
  );
}

/** Where numbers without a country code are from. */
function Numbers() {
  const { workspace } = useSession();
  const queryKey = recordKeys.settings(workspace.id);
  const { data } = useQuery({ queryKey, queryFn: ({ signal }) => recordSettingsApi.get(workspace.id, signal) });
  const change = useAct({
    run: (region: string) => recordSettingsApi.change(workspace.id, region),
    stale: [queryKey],
    done: () => "Saved.",
    failed: "It is as it was before",
  });
  if (!data) return null;
  return (
    <Section title="Phone numbers">
      <Card>
        <Row title="Country" note="Numbers without a country code are read as numbers of this country.">
          <Select
            aria-label="Country of phone numbers"
            placeholder="None"
            searchable
            clearable
            allowDeselect
            w={{ base: 260, sm: 260 }}
            data={countries()}
            value={data.region || null}
            disabled={change.isPending}
            onChange={(region) => change.mutate(region ?? "")}
          />
        </Row>
      </Card>
    </Section>
  );
}

interface RowsProps {
  of: ObjectType[];
  label: string;
  count: (object: ObjectType) => number;
  onChange: (object: ObjectType) => void;
  onRemove?: (object: ObjectType) => void;
}

function Rows({ of, label, count: records, onChange, onRemove }: RowsProps) {
  return (
    <Table columns={columns} label={label}>
      {of.map((o) => {
        const Icon = iconOf(o.key, o.icon);
        return (
          <tr key={o.key}>
            <Cell main>
              <Link {...tableOf(o.key)} className={classes.typeLink}>
                <Icon size={16} strokeWidth={1.75} />
                <span>
                  {o.plural}
                  <small>{o.key}</small>
                </span>
              </Link>
            </Cell>
            <Cell wide quiet>
              {o.fields.length > 0 ? o.fields.map((f) => f.name).join(", ") : "No fields of your own"}
            </Cell>
            <Cell end label="Records">
              {count(records(o))}
            </Cell>
            <Cell end>
              <Menu position="bottom-end" width={190}>
                <Menu.Target>
                  <Button variant="subtle" px={6} aria-label={`More for ${o.plural}`}>
                    <Ellipsis size={16} />
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => onChange(o)}>{o.standard ? "Fields" : "Change"}</Menu.Item>
                  {onRemove && (
                    <Menu.Item color="var(--bad)" onClick={() => onRemove(o)}>
                      Delete
                    </Menu.Item>
                  )}
                </Menu.Dropdown>
              </Menu>
            </Cell>
          </tr>
        );
      })}
    </Table>
  );
}

function Remove({ object, records, onClose }: { object: ObjectType; records: number; onClose: () => void }) {
  const { workspace } = useSession();
  const remove = useAct({
    run: () => objectsApi.remove(workspace.id, object.key, records),
    stale: [recordKeys.objects(workspace.id), recordKeys.all(workspace.id)],
    done: () => `${object.plural} are deleted.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Delete the type ${object.name}`}
      verb="Delete the type"
      danger
      consequences={[
        records > 0
          ? `${plural(records, "record")} of this type ${records === 1 ? "is" : "are"} deleted with it.`
          : "There are no records of this type.",
        "Its table and pages are gone for everybody. Fields of other types that lead to it stay empty.",
      ]}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
