/** What a table of records shows: filters, order, columns, kept in the address and in views of this browser. Pure but for `views`. */
import type { Field } from "./recordFields";
import type { RecordQuery, RecordType } from "./records";
import { read, write } from "./remember";

/** What the address of a table says. Fields of one's own begin with "field.". */
export interface RecordsSearch {
  q?: string;
  sort?: string;
  layout?: "board";
  owner_id?: string;
  tag_id?: string;
  stage?: string;
  class?: string;
  company_id?: string;
  created_by?: string;
  deleted?: boolean;
  /** The saved view that was opened. */
  view?: string;
  /** A dialog that is open: a new record, an import. */
  open?: "new" | "import";
  [custom: `field.${string}`]: string | undefined;
}

const names = ["q", "sort", "owner_id", "tag_id", "stage", "class", "company_id", "created_by", "view"] as const;
const text = (value: unknown) => (value === undefined || value === null || value === "" ? undefined : String(value));

export function recordsSearch(search: Record<string, unknown>): RecordsSearch {
  const found: RecordsSearch = {};
  for (const name of names) {
    const value = text(search[name]);
    if (value !== undefined) found[name] = value;
  }
  for (const [key, value] of Object.entries(search))
    if (key.startsWith("field.") && text(value)) found[key as `field.${string}`] = text(value);
  if (search.layout === "board") found.layout = "board";
  if (search.deleted === true || search.deleted === "true") found.deleted = true;
  if (search.open === "new" || search.open === "import") found.open = search.open;
  return found;
}

const own = new Set(["layout", "view", "open"]);

/** What the API is asked for. */
export function queryOf(type: RecordType, search: RecordsSearch): RecordQuery {
  const query = Object.fromEntries(Object.entries(search).filter(([key, v]) => !own.has(key) && v !== undefined));
  return { type, sort: "-last_at", ...query } as RecordQuery;
}

/** The parts of an address that choose records; the words searched for among them or not. */
export const filtersOf = (search: RecordsSearch): [string, string][] =>
  Object.entries(search)
    .filter(([key, value]) => value !== undefined && key !== "q" && key !== "sort" && !own.has(key))
    .map(([key, value]) => [key, String(value)]);

export const isFiltered = (search: RecordsSearch) => search.q !== undefined || filtersOf(search).length > 0;

/** The order by this field: first as it reads best, then the other way round, then none. */
export function nextSort(field: Field, now: string | undefined): string | undefined {
  const up = field.sort;
  if (!up) return now;
  const newestFirst = field.kind === "time" || field.kind === "money" || field.kind === "number";
  const [first, second] = newestFirst ? [`-${up}`, up] : [up, `-${up}`];
  if (now === first) return second;
  return now === second ? undefined : first;
}

export const direction = (field: Field, sort: string | undefined): "ascending" | "descending" | "none" =>
  field.sort && sort === field.sort ? "ascending" : field.sort && sort === `-${field.sort}` ? "descending" : "none";

/** Columns in their order; "name" always stands first. */
export function columnsOf(fields: Field[], chosen: string[] | undefined): Field[] {
  const first = fields.filter((f) => f.kind === "name");
  const rest = fields.filter((f) => f.kind !== "name");
  if (!chosen) return [...first, ...rest.filter((f) => f.shown)];
  return [...first, ...chosen.flatMap((key) => rest.find((f) => f.key === key) ?? [])];
}

/** The keys with one moved before another's place. */
export function moved(keys: string[], key: string, by: number): string[] {
  const at = keys.indexOf(key);
  const to = Math.min(keys.length - 1, Math.max(0, at + by));
  if (at < 0 || at === to) return keys;
  const next = keys.filter((k) => k !== key);
  next.splice(to, 0, key);
  return next;
}

/** A view that a person keeps in this browser. */
export interface View {
  id: string;
  name: string;
  search: RecordsSearch;
  columns?: string[];
}

const place = (workspace: string, type: RecordType) => `records.views.${workspace}.${type}`;

export const views = {
  read: (workspace: string, type: RecordType) => read<View[]>(place(workspace, type), []),
  write: (workspace: string, type: RecordType, list: View[]) => write(place(workspace, type), list),
};

/** Whether what is seen is what the view keeps. */
export function isView(view: View, search: RecordsSearch, columns: string[] | undefined): boolean {
  const plain = (s: RecordsSearch) =>
    JSON.stringify(
      Object.entries({ ...s, view: undefined, open: undefined })
        .filter(([, v]) => v)
        .sort(),
    );
  return plain(view.search) === plain(search) && JSON.stringify(view.columns) === JSON.stringify(columns);
}
