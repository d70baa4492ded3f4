import { Checkbox, Radio, Select } from "@mantine/core";
import { count, roughly } from "../lib/format";
import type { Label, Preview, Visibility } from "../lib/types";
import { ChoiceCards, type Option } from "./Choice";
import classes from "./ImportChoices.module.css";
import { Swatch } from "./kit";

/** Stands for every label, as in the API. */
export const everyLabel = "*";

export interface ImportChoice {
  labels: string[];
  /** The newest so many; 0 for all. */
  limit: number;
}

const amounts = [500, 1000, 5000, 20_000, 100_000, 0];

const amountText = (n: number) => (n === 0 ? "All messages" : `The newest ${count(n)} messages`);

export function AmountSelect({
  value,
  onChange,
  label,
}: {
  value: number;
  onChange: (limit: number) => void;
  label: string;
}) {
  const all = amounts.includes(value) ? amounts : [value, ...amounts];
  return (
    <Select
      aria-label={label}
      w={{ base: 280, sm: 228 }}
      data={all.map((n) => ({ value: String(n), label: amountText(n) }))}
      value={String(value)}
      onChange={(v) => onChange(Number(v))}
    />
  );
}

/** Never imported, or no place where mail lies. */
const never = /^(SPAM|TRASH|DRAFT|UNREAD|CHAT|STARRED|IMPORTANT|[A-Z]+_STAR|CATEGORY_.*)$/;

const order = (l: Label) => (l.id === "INBOX" ? 0 : l.id === "SENT" ? 1 : l.type === "system" ? 2 : 3);

const readable = (name: string) =>
  /^[A-Z_]+$/.test(name) ? name.charAt(0) + name.slice(1).toLowerCase().replace(/_/g, " ") : name;

/** All mail, or the mail of some labels. */
export function LabelChoice({
  labels,
  value,
  onChange,
}: {
  labels: Label[];
  value: string[];
  onChange: (labels: string[]) => void;
}) {
  const all = value.includes(everyLabel);
  const offered = labels
    .filter((l) => !never.test(l.id) || value.includes(l.id))
    .sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
  const toggle = (id: string) => {
    const next = value.includes(id) ? value.filter((v) => v !== id) : [...value.filter((v) => v !== everyLabel), id];
    if (next.length > 0) onChange(next);
  };
  return (
    <div className={classes.labels}>
      <Radio.Group
        value={all ? "all" : "some"}
        onChange={(v) => onChange(v === "all" ? [everyLabel] : ["INBOX", "SENT"])}
        aria-label="Which mail is imported"
      >
        <div className={classes.radios}>
          <Radio value="some" label="Only these labels" />
          <Radio value="all" label="All mail but spam, drafts and the bin" />
        </div>
      </Radio.Group>
      {!all && (
        <ul className={classes.list}>
          {offered.map((label) => (
            <li key={label.id}>
              <Checkbox
                label={
                  <span className={classes.label}>
                    {label.color && <Swatch colour={label.color} />}
                    {readable(label.name)}
                  </span>
                }
                checked={value.includes(label.id)}
                disabled={value.length === 1 && value[0] === label.id}
                onChange={() => toggle(label.id)}
              />
              {label.total > 0 && <span className={classes.total}>{count(label.total)} here</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Where the server stops counting. */
const mostCounted = 10_000;

/**
 * What an import with these choices would fetch, and what becomes of the messages that are here and are not among
 * those chosen. `here` is how many are here in all; without it, nothing is said of them. `hidden` says that mail of
 * labels turned off is not shown.
 */
export function previewText(
  { messages, stored, more, estimated_seconds }: Preview,
  limit: number,
  here = 0,
  hidden = false,
): string {
  // Reaching the amount that was chosen is no sign of more to come; only the end of the counting is.
  const cut = more && messages + stored >= mostCounted && (limit === 0 || limit > mostCounted);
  const fetched =
    messages > 0
      ? `${cut ? "At least " : ""}${count(messages)} more ${messages === 1 ? "message" : "messages"} to import, ${roughly(estimated_seconds)}${cut ? " or longer" : ""}.`
      : cut
        ? `The newest ${count(mostCounted)} of this choice are here already; older ones were not counted.`
        : "Nothing to import: everything chosen is here already.";
  const outside = here - stored;
  if (cut || outside <= 0) return fetched;
  if (hidden) {
    const those = outside === 1 ? "One message here is" : `${count(outside)} messages here are`;
    return `${fetched} ${those} outside this choice. Mail of the labels turned off is hidden, not deleted.`;
  }
  return outside === 1
    ? `${fetched} One message outside this choice stays here and goes on following Gmail.`
    : `${fetched} ${count(outside)} messages outside this choice stay here and go on following Gmail.`;
}

const levels: Option<Visibility>[] = [
  { value: "private", title: "Only me", detail: "Nobody else in the workspace sees that a message exists." },
  {
    value: "metadata",
    title: "Who and when",
    detail: "Colleagues see with whom I wrote and when, not about what.",
  },
  { value: "subject", title: "Subjects too", detail: "Colleagues see the subject as well, but no text and no files." },
  { value: "full", title: "Everything", detail: "Members of this workspace can read the messages and their files." },
];

const rank = (v: Visibility) => levels.findIndex((l) => l.value === v);

/** What colleagues come to see that they did not, one sentence each; nothing where they see no more than before. */
export function openedBy(before: Visibility, after: Visibility, messages: number, workspace: string): string[] {
  if (rank(after) <= rank(before)) return [];
  const seen = {
    private: "",
    metadata: "with whom you wrote and when",
    subject: "with whom you wrote, when, and the subject",
    full: "the messages, with their files",
  }[after];
  const which =
    messages > 0
      ? `${messages === 1 ? "of the message" : `of the ${count(messages)} messages`} here and of all to come`
      : "of all mail to come";
  return [
    after === "full"
      ? `All members of ${workspace} can read and search ${seen}: ${messages > 0 ? `the ${count(messages)} here and all to come` : "all to come"}.`
      : `All members of ${workspace} see ${seen}, ${which}.`,
    "Mail with protected addresses stays yours alone.",
    "You can close it again at any time; what somebody has read by then, they have read.",
  ];
}

/** Who sees the mail of this connection. */
export function VisibilityChoice({
  value,
  onChange,
}: {
  value: Visibility;
  onChange: (visibility: Visibility) => void;
}) {
  return <ChoiceCards label="Who sees your mail" value={value} options={levels} onChange={onChange} />;
}
