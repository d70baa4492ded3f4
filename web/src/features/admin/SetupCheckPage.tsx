import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check, ChevronRight, CircleAlert, ExternalLink, Loader, Minus, RefreshCw, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { useSession } from "@/app/session";
import { healthApi } from "@/lib/adminApi";
import { fixOf, summary } from "@/lib/doctor";
import { keys } from "@/lib/keys";
import type { DoctorReport, Finding } from "@/lib/types";
import { CopyLine } from "@/ui/Copy";
import { Bones, Card, Failed, Page, Time } from "@/ui/kit";
import classes from "./check.module.css";

export function SetupCheckPage() {
  const { workspace } = useSession();
  const check = useQuery({
    queryKey: keys.admin.doctor(workspace.id),
    queryFn: () => healthApi.examine(workspace.id),
    staleTime: 60_000,
    retry: false,
  });
  return (
    <Page
      title="Set-up check"
      lead="Walks the chain from this program to Google's APIs, link by link, and names the first that is broken."
      aside={
        <Button
          size="xs"
          variant="filled"
          leftSection={<RefreshCw size={14} />}
          loading={check.isFetching}
          onClick={() => void check.refetch()}
        >
          {check.isFetching ? "Checking" : "Run again"}
        </Button>
      }
    >
      {check.data ? (
        <Report report={check.data} at={check.dataUpdatedAt} busy={check.isFetching} />
      ) : check.isPending ? (
        <Card>
          <p className={classes.busy} role="status">
            <Loader size={15} className={classes.spin} /> Asking Google. This takes a few seconds.
          </p>
          <Bones rows={8} height={48} />
        </Card>
      ) : (
        <Card>
          <Failed error={check.error} retry={check.refetch} title="The check did not run" />
        </Card>
      )}
    </Page>
  );
}

const tones = { ok: "ok", warning: "warn", broken: "bad" } as const;

function Report({ report, at, busy }: { report: DoctorReport; at: number; busy: boolean }) {
  const verdict = summary(report);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  // Another report opens its own first broken link.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each run
  useEffect(() => {
    const first = report.broken || report.findings.find((f) => f.state === "warning")?.id;
    setOpened(new Set(first ? [first] : []));
  }, [at, report.broken]);
  const toggle = (id: string) => {
    const next = new Set(opened);
    if (!next.delete(id)) next.add(id);
    setOpened(next);
  };
  return (
    <div aria-busy={busy}>
      <div className={classes.verdict} data-tone={tones[verdict.state]} role="status">
        <Sign state={verdict.state} />
        <div>
          <h2>{verdict.title}</h2>
          <p>
            {verdict.text} Checked <Time iso={new Date(at).toISOString()} style="ago" />.
          </p>
        </div>
      </div>
      <ol className={classes.chain} aria-label="The chain">
        {report.findings.map((finding) => (
          <LinkOf
            key={finding.id}
            finding={finding}
            first={finding.id === report.broken}
            open={opened.has(finding.id)}
            onToggle={() => toggle(finding.id)}
          />
        ))}
      </ol>
    </div>
  );
}

const said: Record<Finding["state"], string> = {
  ok: "In order",
  warning: "Worth a look",
  broken: "Broken",
  skipped: "Not checked",
};

function Sign({ state }: { state: Finding["state"] }) {
  const Icon = { ok: Check, warning: TriangleAlert, broken: CircleAlert, skipped: Minus }[state];
  return (
    <span className={classes.sign} data-state={state}>
      <Icon size={14} strokeWidth={2.25} aria-label={said[state]} role="img" />
    </span>
  );
}

interface LinkProps {
  finding: Finding;
  /** The first that is broken: what has to be mended before the rest can be judged. */
  first: boolean;
  open: boolean;
  onToggle: () => void;
}

function LinkOf({ finding, first, open, onToggle }: LinkProps) {
  const fix = fixOf(finding);
  return (
    <li className={classes.link} data-state={finding.state} data-first={first || undefined}>
      <Sign state={finding.state} />
      <div className={classes.body}>
        <button type="button" className={classes.head} aria-expanded={open} onClick={onToggle}>
          <span className={classes.name}>{finding.name}</span>
          {!open && <span className={classes.short}>{finding.text}</span>}
          <ChevronRight size={14} className={classes.turn} />
        </button>
        {open && (
          <div className={classes.detail}>
            <p>{finding.text}</p>
            {fix.text && (
              <div className={classes.fix}>
                <h3>{finding.state === "ok" ? "Good to know" : "How to mend it"}</h3>
                <p>{fix.text}</p>
                {fix.copies.map((value) => (
                  <CopyLine key={value} text={value} what={value} />
                ))}
                {fix.go && <Go to={fix.go} />}
              </div>
            )}
          </div>
        )}
      </div>
    </li>
  );
}

function Go({ to }: { to: string }) {
  if (to.startsWith("/")) {
    return (
      <Button component={Link} to={to} className={classes.go}>
        Go to the page
      </Button>
    );
  }
  return (
    <Button
      component="a"
      href={to}
      target="_blank"
      rel="noreferrer"
      className={classes.go}
      rightSection={<ExternalLink size={13} />}
    >
      Open {new URL(to).host}
    </Button>
  );
}
