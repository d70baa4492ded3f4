/** The report of the set-up check, made ready to be shown. */
import type { DoctorReport, Finding } from "./types";

export interface Fix {
  text: string;
  /** What the fix says to enter or to run somewhere. */
  copies: string[];
  /** A path of this application, or an address elsewhere. */
  go: string;
}

/** Takes out of a fix what has to be carried elsewhere: commands, addresses, names between backticks. */
export function fixOf(finding: Pick<Finding, "fix" | "action_url">, origin = location.origin): Fix {
  const copies: string[] = [];
  let text = finding.fix.trim();
  const take = (value: string) => {
    const clean = value.trim().replace(/[.;,]$/, "");
    if (clean && !copies.includes(clean)) copies.push(clean);
  };
  const lead = /[:]\s+((?:gcloud\s|https?:\/\/)[\s\S]+)$/.exec(text);
  if (lead?.[1]) {
    take(lead[1]);
    text = `${text.slice(0, lead.index)}:`;
  }
  for (const found of text.matchAll(/`([^`]+)`/g)) take(found[1] ?? "");
  for (const found of text.matchAll(/\(((?:timedatectl|gcloud|sudo)\s[^)]+)\)/g)) take(found[1] ?? "");
  return { text: text.replace(/`/g, ""), copies, go: ownPath(finding.action_url, origin) };
}

function ownPath(url: string, origin: string): string {
  if (!url || url.startsWith("/")) return url;
  try {
    const at = new URL(url);
    // A page of ours, also when the program is reached by another name than it knows itself by.
    if (at.origin === origin || /^\/(admin|crm)(\/|$)/.test(at.pathname)) return at.pathname + at.search;
    return at.protocol === "https:" || at.protocol === "http:" ? url : "";
  } catch {
    return "";
  }
}

export function summary(report: DoctorReport): { state: "ok" | "warning" | "broken"; title: string; text: string } {
  const broken = report.findings.filter((f) => f.state === "broken");
  const warned = report.findings.filter((f) => f.state === "warning");
  const first = report.findings.find((f) => f.id === report.broken) ?? broken[0];
  if (first) {
    const more = broken.length - 1;
    return {
      state: "broken",
      title: `The first broken link: ${first.name}`,
      text: more > 0 ? `Mend it first; ${more} more may follow from it.` : "Mend it, then run the check again.",
    };
  }
  if (warned.length > 0) {
    return {
      state: "warning",
      title:
        warned.length === 1
          ? "It works, with one thing to look at"
          : `It works, with ${warned.length} things to look at`,
      text: warned
        .map((f) => f.name)
        .join(", ")
        .concat("."),
    };
  }
  return { state: "ok", title: "Everything is in order", text: "Every link of the chain holds." };
}
