/** Invented records, and what belongs to them. */
import type { Suggestion } from "../lib/recordMail";
import type { CrmRecord, Note, ObjectType, Source, Tag, Task } from "../lib/records";

const hex = (n: number, width: number) => n.toString(16).padStart(width, "0");
export const recordId = (n: number) => `0199a000-0000-7000-8000-${hex(n, 12)}`;

const firsts = [
  "Priya",
  "Jonas",
  "Ursina",
  "Amadou",
  "Lena",
  "Tomás",
  "Ines",
  "Hiro",
  "Noor",
  "Piotr",
  "Marta",
  "Eskil",
];
const lasts = [
  "Raman",
  "Weber",
  "Caduff",
  "Diallo",
  "Hoffmann",
  "Silva",
  "Moreau",
  "Tanaka",
  "Haddad",
  "Nowak",
  "Rossi",
  "Dahl",
];
const titles = [
  "Head of Purchasing",
  "Architect",
  "Project Lead",
  "Buyer",
  "Managing Director",
  "Interior Designer",
  "Engineer",
];
const firms = [
  "Harbour Glass",
  "Alpwind",
  "Studio Caduff",
  "Bergmann Interiors",
  "Quayside Hotels",
  "Lumen & Oak",
  "Fjordlys",
  "Casa Ventana",
  "Orchard Works",
];
const deals = ["Lobby lights", "Canopy, phase two", "Frame contract", "Spare parts", "Guest rooms", "Showroom"];
const personStages = ["lead", "contact", "customer", "former"];
const dealStages = ["new", "qualified", "proposal", "negotiation", "won", "lost"];

export const mara = { id: "u1", name: "Mara Lindqvist" };
const daniel = { id: "u2", name: "Daniel Osei" };

export const tags: Tag[] = [
  { id: "t1", name: "Hotels", colour: "#2a4f86", mine: false },
  { id: "t2", name: "Fair 2026", colour: "#c98a00", mine: false },
  { id: "t3", name: "Call back", colour: "#8b3336", mine: true },
];

const domainOf = (firm: string) => `${firm.toLowerCase().replace(/[^a-z]+/g, "")}.example`;

export function blank(type: string, id: string, now: string): CrmRecord {
  return {
    id,
    type,
    name: "",
    first_name: "",
    last_name: "",
    emails: [],
    phones: [],
    domains: [],
    title: "",
    company: null,
    stage: "",
    amount: null,
    close_date: null,
    people: [],
    address: "",
    linkedin: "",
    website: "",
    description: "",
    class: null,
    fields: {},
    owner: null,
    tags: [],
    external_ids: {},
    sources: {},
    created_by: { by: "member", user_id: mara.id, name: mara.name },
    created_at: now,
    updated_at: now,
    last_at: null,
    deleted_at: null,
    merged_into: null,
    version: 1,
  };
}

const pick = <T>(list: T[], n: number): T => list[n % list.length] as T;

export function makeRecords(now: Date, persons = 320): CrmRecord[] {
  const before = (hours: number) => new Date(now.getTime() - hours * 3_600_000).toISOString();
  const companies = firms.map((firm, i) => ({
    ...blank("company", recordId(1000 + i), before(900 + i)),
    name: firm,
    domains: [domainOf(firm)],
    website: `https://${domainOf(firm)}`,
    owner: i % 2 ? daniel : mara,
    tags: i % 4 === 0 ? [pick(tags, 0)] : [],
    last_at: before(i * 9 + 1),
    created_by: { by: "mail" as const },
  }));
  const people = Array.from({ length: persons }, (_, i) => {
    const [first, last] = [pick(firsts, i), pick(lasts, i * 5 + Math.floor(i / 12))];
    const company = pick(companies, i * 2 + 1);
    const seen = before(i * 3 + 2);
    const found: Source = {
      by: "enrichment",
      confidence: 0.94,
      at: seen,
    };
    return {
      ...blank("person", recordId(i + 1), before(800 - i)),
      name: `${first} ${last}`,
      first_name: first,
      last_name: last,
      emails: [
        {
          value: `${first}.${last}@${company.domains[0]}`
            .toLowerCase()
            .normalize("NFD")
            .replace(/[^a-z.@]/g, ""),
          label: "work",
          primary: true,
        },
      ],
      phones:
        i % 3 ? [{ value: `+4940555${1000 + i}`, raw: `+49 40 555 ${1000 + i}`, label: "work", primary: true }] : [],
      title: i % 5 === 4 ? "" : pick(titles, i),
      company: { id: company.id, type: "company", name: company.name },
      stage: pick(personStages, Math.floor(i / 3)),
      owner: i % 3 === 0 ? mara : i % 3 === 1 ? daniel : null,
      tags: i % 6 === 0 ? [pick(tags, i / 6)] : i % 11 === 0 ? tags.slice(0, 2) : [],
      class: { name: i % 3 ? "customer" : "lead", confidence: 0.82, by: "rules", why: "Most mail goes both ways." },
      last_at: seen,
      sources: {
        title: found,
        company: { ...found, confidence: 0.88 },
        phones: found,
        emails: { by: "mail" as const, at: seen },
        stage: { by: "member" as const, at: seen },
      },
      created_by: i % 4 ? { by: "mail" as const } : { by: "member" as const, user_id: mara.id, name: mara.name },
    };
  });
  const open = Array.from({ length: 26 }, (_, i) => ({
    ...blank("deal", recordId(2000 + i), before(500 - i)),
    name: `${pick(deals, i)}, ${pick(companies, i * 2).name}`,
    stage: pick(dealStages, i * 5 + Math.floor(i / 6)),
    amount: i % 7 === 6 ? null : { minor: (1200 + i * 731) * 1000, currency: "EUR" },
    close_date: i % 4 === 3 ? null : new Date(now.getTime() + (i * 9 - 40) * 86_400_000).toISOString().slice(0, 10),
    company: { id: pick(companies, i * 2).id, type: "company", name: pick(companies, i * 2).name },
    people: people
      .filter((p) => p.company.id === pick(companies, i * 2).id)
      .slice(0, 2)
      .map((p) => ({ person: { id: p.id, type: "person", name: p.name }, role: "" })),
    owner: i % 2 ? daniel : mara,
    last_at: before(i * 7 + 4),
  }));
  return [...people, ...companies, ...open];
}

export function makeObjects(): ObjectType[] {
  const standard = (key: string, name: string, plural: string): ObjectType => ({
    id: key,
    key,
    name,
    plural,
    icon: "",
    fields: [],
    standard: true,
    count: 0,
  });
  return [
    standard("person", "Person", "People"),
    standard("company", "Company", "Companies"),
    standard("deal", "Deal", "Deals"),
  ];
}

export function makeSuggestions(records: CrmRecord[], now: Date): Suggestion[] {
  const [one, two, three] = records;
  if (!one || !two || !three) return [];
  const base = {
    email_id: "0198d000-0000-7000-8000-000000000001",
    engine: "rules",
    state: "suggested" as const,
    label: "",
    ext: "",
    note: "",
    decided_by: "",
    decided_at: null,
  };
  const ref = (r: CrmRecord) => ({ id: r.id, type: r.type, name: r.name });
  const seen_at = new Date(now.getTime() - 5 * 3_600_000).toISOString();
  return [
    {
      ...base,
      id: "s1",
      record: ref(one),
      field: "title",
      value: "Director of Procurement",
      current: one.title,
      line: "Priya Raman, Director of Procurement",
      seen_at,
      confidence: 0.91,
      note: "May have changed job",
    },
    {
      ...base,
      id: "s2",
      record: ref(one),
      field: "phone",
      value: "+44 20 7946 0102",
      label: "mobile",
      current: "",
      line: "M +44 20 7946 0102",
      seen_at,
      confidence: 0.97,
    },
    {
      ...base,
      id: "s3",
      record: ref(three),
      field: "company",
      value: "Studio Caduff",
      current: three.company?.name ?? "",
      line: "Studio Caduff, Chur",
      seen_at,
      confidence: 0.72,
    },
  ];
}

export function makeNotes(records: CrmRecord[], now: Date): Note[] {
  const [one] = records;
  if (!one) return [];
  const at = new Date(now.getTime() - 26 * 3_600_000).toISOString();
  return [
    {
      id: "n1",
      record: { id: one.id, type: one.type, name: one.name },
      text: "Wants brass samples before the fair.\nAsk about the canopy in spring.",
      author: mara,
      created_at: at,
      updated_at: at,
    },
  ];
}

export function makeTasks(records: CrmRecord[], now: Date): Task[] {
  const due = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString();
  const ref = (r: CrmRecord | undefined) => (r ? { id: r.id, type: r.type, name: r.name } : null);
  const base = {
    assignee: mara,
    author: mara,
    done_at: null,
    created_at: due(-4),
    updated_at: due(-4),
    version: 1,
  };
  return [
    { ...base, id: "k1", record: ref(records[0]), title: "Send the brass samples", due_at: due(1) },
    { ...base, id: "k2", record: ref(records[1]), title: "Call about the canopy", due_at: due(-2) },
    { ...base, id: "k3", record: null, title: "Book the stand at the fair", due_at: null },
    { ...base, id: "k4", record: ref(records[2]), title: "Offer for the lobby", due_at: due(-6), done_at: due(-5) },
  ];
}
