/** What fields a type of records has, what stands in them, and what is sent to change them. Pure. */
import currencies from "./currencies.json";
import type {
  Contact,
  CrmRecord,
  Money,
  ObjectField,
  ObjectType,
  RecordPatch,
  RecordRef,
  RecordType,
  Tag,
} from "./records";

export type Kind =
  | "name"
  | "text"
  | "long"
  | "number"
  | "money"
  | "date"
  | "select"
  | "email"
  | "phone"
  | "url"
  | "emails"
  | "phones"
  | "domains"
  | "relation"
  | "people"
  | "owner"
  | "tags"
  | "class"
  | "time"
  | "maker";

export interface Field {
  key: string;
  name: string;
  kind: Kind;
  /** How the API sorts by it: ascending as written, descending with a minus before it. */
  sort?: string;
  /** The list's filter that takes its values. */
  filter?: string;
  editable: boolean;
  options?: string[];
  target?: RecordType;
  currency?: string;
  required?: boolean;
  custom: boolean;
  width: number;
  /** Shown in the table until somebody chooses otherwise. */
  shown: boolean;
}

export const stages: Record<string, string[]> = {
  person: ["lead", "contact", "customer", "former"],
  deal: ["new", "qualified", "proposal", "negotiation", "won", "lost"],
};

export const classes = ["lead", "customer", "vendor", "partner", "recruiter", "personal", "automated", "unknown"];

const widths: Record<Kind, number> = {
  name: 240,
  text: 180,
  long: 240,
  number: 110,
  money: 130,
  date: 120,
  select: 130,
  email: 210,
  phone: 150,
  url: 180,
  emails: 220,
  phones: 160,
  domains: 180,
  relation: 190,
  people: 200,
  owner: 160,
  tags: 190,
  class: 130,
  time: 120,
  maker: 140,
};

const field = (key: string, name: string, kind: Kind, more: Partial<Field> = {}): Field => ({
  key,
  name,
  kind,
  editable: true,
  custom: false,
  width: widths[kind],
  shown: true,
  ...more,
});

const away = { shown: false };
const owner = field("owner", "Owner", "owner", { filter: "owner_id" });
const tags = field("tags", "Tags", "tags", { filter: "tag_id" });
const times = [
  field("last_at", "Last activity", "time", { sort: "last_at", editable: false }),
  field("created_at", "Created", "time", { sort: "created_at", editable: false, shown: false }),
  field("updated_at", "Changed", "time", { sort: "updated_at", editable: false, shown: false }),
  field("created_by", "Created by", "maker", { editable: false, shown: false, filter: "created_by" }),
];
const name = (title: string) => field("name", title, "name", { sort: "name", required: true });

const standard: Record<string, Field[]> = {
  person: [
    name("Name"),
    field("emails", "E-mails", "emails"),
    field("title", "Title", "text"),
    field("company", "Company", "relation", { target: "company", filter: "company_id" }),
    field("phones", "Phones", "phones"),
    field("stage", "Stage", "select", { options: stages.person, sort: "stage", filter: "stage", width: 120 }),
    owner,
    tags,
    field("class", "Class", "class", { filter: "class", options: classes }),
    field("linkedin", "LinkedIn", "url", away),
    field("website", "Website", "url", away),
    field("address", "Address", "long", away),
    field("description", "Description", "long", away),
    ...times,
  ],
  company: [
    name("Name"),
    field("domains", "Domains", "domains"),
    field("phones", "Phones", "phones"),
    field("emails", "E-mails", "emails", away),
    field("website", "Website", "url"),
    owner,
    tags,
    field("address", "Address", "long", away),
    field("linkedin", "LinkedIn", "url", away),
    field("description", "Description", "long", away),
    ...times,
  ],
  deal: [
    name("Name"),
    field("stage", "Stage", "select", { options: stages.deal, sort: "stage", filter: "stage" }),
    field("amount", "Amount", "money", { sort: "amount", currency: "EUR" }),
    field("company", "Company", "relation", { target: "company", filter: "company_id" }),
    field("people", "People", "people"),
    field("close_date", "Close date", "date", { sort: "close_date" }),
    owner,
    tags,
    field("description", "Description", "long", away),
    ...times,
  ],
};

const sortable = new Set(["number", "date", "text"]);

const fromObject = (f: ObjectField): Field =>
  field(f.key, f.name, f.type, {
    custom: true,
    options: f.options,
    currency: f.currency,
    target: f.target,
    required: f.required,
    sort: sortable.has(f.type) ? f.key : undefined,
    filter: f.type === "select" ? `field.${f.key}` : undefined,
  });

/** The fields of a type, those of its own kind after the standard ones. */
export function fieldsOf(type: RecordType, object?: ObjectType): Field[] {
  const own = (object?.fields ?? []).map(fromObject);
  const base = standard[type];
  if (!base) return [name("Name"), ...own, owner, tags, ...times];
  const end = base.findIndex((f) => f.key === "last_at");
  return [...base.slice(0, end), ...own, ...base.slice(end)];
}

/** What stands in a field; undefined where nothing does. */
export function contentOf(record: CrmRecord, { key, custom }: Pick<Field, "key" | "custom">): unknown {
  const value = custom ? record.fields?.[key] : record[key as keyof CrmRecord];
  if (value === null || value === "" || (Array.isArray(value) && value.length === 0)) return undefined;
  if (key === "class" && !custom && record.class?.by !== "person" && record.class?.name === "unknown") return undefined;
  return value;
}

/** The patch that puts a value into a field. Undefined and "" empty it. */
export function patchOf({ key, kind, custom }: Pick<Field, "key" | "kind" | "custom">, value: unknown): RecordPatch {
  const empty = value === undefined || value === "" ? null : value;
  if (custom) return { fields: { [key]: empty } };
  switch (kind) {
    case "owner":
      return { owner_id: (value as { id: string } | null | undefined)?.id ?? null };
    case "tags":
      return { tag_ids: ((value as Tag[] | undefined) ?? []).map((t) => t.id) };
    case "relation":
      return { company_id: (value as RecordRef | null | undefined)?.id ?? null };
    case "class":
      return { class: value ? { name: String(value) } : null };
    case "people":
      return {
        people: ((value as CrmRecord["people"] | undefined) ?? []).map(({ person, role }) => ({
          person_id: person.id,
          role: role ?? "",
        })),
      };
    case "emails":
    case "phones":
      return { [key]: ((value as Contact[] | undefined) ?? []).map(inputOf) };
    case "domains":
      return { [key]: value ?? [] };
    case "name":
      return { name: String(value ?? "") };
    default:
      return { [key]: empty };
  }
}

/** A number is sent as it was written. */
const inputOf = ({ value, raw, label, ext, primary }: Contact): Contact => ({
  value: raw || value,
  ...(label ? { label } : {}),
  ...(ext ? { ext } : {}),
  primary,
});

/** The record as it will be: shown before the server answers. */
export function withValue(record: CrmRecord, f: Pick<Field, "key" | "kind" | "custom">, value: unknown): CrmRecord {
  if (f.custom) return { ...record, fields: { ...record.fields, [f.key]: value ?? null } };
  const next = { ...record, [f.key]: f.kind === "class" ? classOf(value) : (value ?? emptyOf(f.kind)) };
  const sources = { ...record.sources };
  delete sources[f.key];
  return { ...next, sources };
}

const classOf = (value: unknown) => (value ? { name: String(value), confidence: 1, by: "person" } : null);
const emptyOf = (kind: Kind) =>
  kind === "tags" || kind === "emails" || kind === "phones" || kind === "domains" || kind === "people"
    ? []
    : kind === "owner" || kind === "relation" || kind === "money" || kind === "date"
      ? null
      : "";

export const capital = (text: string) => (text ? text[0]?.toUpperCase() + text.slice(1).replaceAll("_", " ") : "");

const decimals = new Map(
  Object.entries(currencies).flatMap(([digits, codes]) => codes.map((code) => [code, Number(digits)] as const)),
);

export function money(m: Money | null | undefined): string {
  if (!m) return "";
  const digits = decimalsOf(m.currency || "EUR") ?? 2;
  const units = m.minor / 10 ** digits;
  try {
    return new Intl.NumberFormat("en", {
      style: "currency",
      currency: m.currency || "EUR",
      minimumFractionDigits: Number.isInteger(units) ? 0 : digits,
      maximumFractionDigits: digits,
    }).format(units);
  } catch {
    return `${units} ${m.currency}`;
  }
}

/**
 * The decimals of a currency; undefined where ISO 4217 does not have it. By the server's own
 * table: what browsers know is what people write, which is another number for some.
 */
export const decimalsOf = (currency: string): number | undefined => decimals.get(currency);

/** The currency that stands beside a number: "1200 JPY", "CHF 5". */
export const currencyIn = (text: string): string | undefined =>
  text.match(/(?<![\p{L}\p{N}])\p{L}{3}(?![\p{L}\p{N}])/u)?.[0].toUpperCase();

/** An amount in its own words, to be changed. */
export const draftOfMoney = (m: Money): string => {
  const digits = decimalsOf(m.currency) ?? 2;
  const units = m.minor / 10 ** digits;
  return Number.isInteger(units) ? String(units) : units.toFixed(digits);
};

/** What was typed as an amount: in the currency that stands beside it, else in the usual one. */
export function moneyOf(text: string, usual: string): { value: Money } | { refusal: string } {
  if (!/\d/.test(text)) return { refusal: "No amount" };
  const currency = currencyIn(text) ?? usual;
  const digits = decimalsOf(currency);
  if (digits === undefined) return { refusal: `${currency} is no currency` };
  const minor = minorOf(text, digits);
  return minor === undefined ? { refusal: "No amount" } : { value: { minor, currency } };
}

/** "1,200.50", "1200,5" and "1'200" in the smallest unit of a currency of so many decimals; undefined where it is no number. */
export function minorOf(text: string, digits = 2): number | undefined {
  const bare = text.replace(/[\s'’_]/g, "").replace(/[^\d.,-]/g, "");
  const [comma, dot] = [bare.lastIndexOf(","), bare.lastIndexOf(".")];
  const decimal = comma > dot ? "," : ".";
  const other = decimal === "," ? "." : ",";
  const tail = bare.length - 1 - Math.max(comma, dot);
  // One kind of sign that stands twice, or has three digits behind it, divides thousands: 1,200 and 1.200.
  // A point is none where the currency has three decimals: 1.200 are one and a fifth.
  const thousands =
    !bare.includes(other) && (bare.split(decimal).length > 2 || (tail === 3 && !(digits === 3 && decimal === ".")));
  const plain = bare.replaceAll(other, "").replaceAll(decimal, thousands ? "" : ".");
  const value = Number(plain);
  return plain === "" || plain === "-" || Number.isNaN(value) ? undefined : Math.round(value * 10 ** digits);
}

/** "2026-11-30" as people say it. */
export function dayText(date: string, now = new Date()): string {
  const t = new Date(`${date}T00:00:00`);
  if (Number.isNaN(t.getTime())) return date;
  const text = t.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return t.getFullYear() === now.getFullYear() ? text : `${text} ${t.getFullYear()}`;
}

/** What a cell says in words alone: for cards, titles and the screen reader. */
export function textOf(record: CrmRecord, f: Field): string {
  const value = contentOf(record, f);
  if (value === undefined) return "";
  switch (f.kind) {
    case "emails":
    case "phones":
      return (value as { value: string; raw?: string }[])
        .map((c) => (f.kind === "phones" ? c.raw || c.value : c.value))
        .join(", ");
    case "domains":
      return (value as string[]).join(", ");
    case "tags":
      return (value as Tag[]).map((t) => t.name).join(", ");
    case "people":
      return (value as CrmRecord["people"]).map((p) => p.person.name).join(", ");
    case "relation":
    case "owner":
      return (value as { name: string }).name;
    case "class":
      return capital((value as { name: string }).name);
    case "select":
      return f.custom ? String(value) : capital(String(value));
    case "money":
      return money(value as Money);
    case "date":
      return dayText(String(value));
    case "maker":
      return makerText(value as CrmRecord["created_by"]);
    default:
      return String(value);
  }
}

export const shortUrl = (url: string) => url.replace(/^https?:\/\/(www\.)?/i, "").replace(/\/$/, "");

export const byText: Record<string, string> = {
  member: "a member",
  mail: "mail",
  enrichment: "a signature",
  calendar: "the calendar",
  contacts: "Google Contacts",
  api: "the API",
  import: "an import",
};

export const makerText = (maker: CrmRecord["created_by"]): string =>
  maker.by === "member" ? maker.name || "A member" : capital(byText[maker.by] ?? maker.by);

/** A line under the name where there is room for one only. */
export function secondLine(record: CrmRecord): string {
  if (record.type === "person") {
    const job = [record.title, record.company?.name].filter(Boolean).join(" at ");
    return job || record.emails[0]?.value || "";
  }
  if (record.type === "company") return record.domains.join(", ");
  if (record.type === "deal")
    return [capital(record.stage), money(record.amount), record.company?.name].filter(Boolean).join(" · ");
  return "";
}

/** What identifies a record for its colour and initials. */
export const identity = (record: { id: string; emails?: { value: string }[] }) =>
  record.emails?.[0]?.value ?? record.id;

/** Checks what was typed for a field; the words of the refusal, or undefined. */
export function doubt(kind: Kind, text: string, currency = "EUR"): string | undefined {
  const t = text.trim();
  if (t === "") return undefined;
  if (kind === "email" || kind === "emails")
    return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(t) ? undefined : "No e-mail address";
  if (kind === "phone" || kind === "phones") return /\d.*\d.*\d/.test(t) ? undefined : "No phone number";
  if (kind === "number") return Number.isNaN(Number(t.replace(",", "."))) ? "No number" : undefined;
  if (kind === "money") {
    const read = moneyOf(t, currency);
    return "refusal" in read ? read.refusal : undefined;
  }
  if (kind === "domains") return /^[^\s@/]+\.[^\s@/]+$/.test(t) ? undefined : "No domain";
  return undefined;
}
