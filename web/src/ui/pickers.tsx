/** Choosing members, records and tags of a workspace. */
import { useQuery } from "@tanstack/react-query";
import { UserRoundX } from "lucide-react";
import { useState } from "react";
import { usePaused } from "@/hooks/usePaused";
import { useNewTag, useObjects, useRecordList, useTags } from "@/hooks/useRecords";
import { membersApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { secondLine } from "@/lib/recordFields";
import type { CrmRecord, RecordType, Tag } from "@/lib/records";
import { Avatar, Swatch } from "./kit";
import { Picker } from "./Picker";
import { RecordMark } from "./RecordMark";

interface MemberProps {
  workspaceId: string;
  label?: string;
  chosen?: string;
  /** Offers nobody, too. */
  none?: boolean;
  onChoose: (member: { id: string; name: string } | null) => void;
  onClose?: () => void;
}

export function MemberPicker({ workspaceId, label = "Choose an owner", chosen, none, onChoose, onClose }: MemberProps) {
  const [text, setText] = useState("");
  const q = usePaused(text, 150);
  const { data, isPending } = useQuery({
    queryKey: keys.memberList(workspaceId, q),
    queryFn: ({ signal }) => membersApi.list(workspaceId, { q: q || undefined, limit: 30 }, signal),
    placeholderData: (before) => before,
  });
  const members = (data && "items" in data ? data.items : undefined) ?? [];
  const choices = members.map((m) => ({
    value: m.user_id,
    label: m.name || m.email,
    icon: <Avatar name={m.name} email={m.email} size={18} />,
  }));
  const nobody = { value: "", label: "Nobody", icon: <UserRoundX size={15} /> };
  return (
    <Picker
      label={label}
      choices={none && !q ? [nobody, ...choices] : choices}
      chosen={chosen === undefined ? [] : [chosen]}
      loading={isPending}
      onSearch={setText}
      onChoose={(id) => onChoose(id ? { id, name: choices.find((c) => c.value === id)?.label ?? "" } : null)}
      onClose={onClose}
    />
  );
}

interface RecordProps {
  workspaceId: string;
  /** Of this type only; without it of any. */
  type?: RecordType;
  label?: string;
  none?: boolean;
  /** Not offered. */
  without?: string[];
  onChoose: (record: CrmRecord | null) => void;
  onCreate?: (name: string) => void;
  createLabel?: string;
  onClose?: () => void;
}

export function RecordPicker({ workspaceId, type, label, none, without = [], onChoose, ...rest }: RecordProps) {
  const [text, setText] = useState("");
  const q = usePaused(text, 150);
  const { objectOf } = useObjects(workspaceId);
  const { records, isPending } = useRecordList(workspaceId, { type, q: q || undefined, sort: "-last_at", limit: 20 });
  const found = records.filter((r) => !without.includes(r.id));
  const choices = found.map((r) => ({
    value: r.id,
    label: r.name,
    note: type ? secondLine(r) : secondLine(r) || objectOf(r.type)?.name,
    icon: <RecordMark record={r} icon={objectOf(r.type)?.icon} size={18} />,
  }));
  return (
    <Picker
      label={label ?? "Find a record"}
      choices={none && !q ? [{ value: "", label: "None" }, ...choices] : choices}
      loading={isPending}
      onSearch={setText}
      onChoose={(id) => onChoose(found.find((r) => r.id === id) ?? null)}
      {...rest}
    />
  );
}

interface TagProps {
  workspaceId: string;
  chosen: Tag[];
  label?: string;
  onChange: (tags: Tag[]) => void;
  onClose?: () => void;
}

/** Tags of the workspace and one's own; what is not there is made. */
export function TagPicker({ workspaceId, chosen, label = "Find or make a tag", onChange, onClose }: TagProps) {
  const tags = useTags(workspaceId);
  const make = useNewTag(workspaceId);
  const all = tags.data ?? [];
  const toggle = (tag: Tag | undefined) => {
    if (!tag) return;
    onChange(chosen.some((t) => t.id === tag.id) ? chosen.filter((t) => t.id !== tag.id) : [...chosen, tag]);
  };
  return (
    <Picker
      label={label}
      multiple
      choices={all.map((t) => ({
        value: t.id,
        label: t.name,
        note: t.mine ? "yours alone" : undefined,
        icon: <Swatch colour={t.colour} />,
      }))}
      chosen={chosen.map((t) => t.id)}
      loading={tags.isPending}
      onChoose={(id) => toggle(all.find((t) => t.id === id))}
      onCreate={async (name) => {
        const tag = await make(name);
        if (tag) onChange([...chosen, tag]);
      }}
      createLabel="Make the tag"
      onClose={onClose}
    />
  );
}
