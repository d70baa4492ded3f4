import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { paths } from "@/app/paths";
import { useGoogleEmails } from "@/hooks/useGoogleIntegration";
import { googleIntegrationApi } from "@/lib/api";
import { shortDate } from "@/lib/format";
import { keys } from "@/lib/keys";
import { displayName } from "@/lib/people";
import type { Attachment, Email } from "@/lib/types";
import { FileLink } from "@/ui/FileLink";
import { Section } from "@/ui/kit";
import classes from "./RecentFiles.module.css";

const withFiles = { q: "has:attachment -from:me -from:mailer-daemon", limit: 8 };
const shown = 4;

/** What came as a file; invitations to meetings are none. */
const filesOf = (email: Email): Attachment[] =>
  email.attachments.filter((a) => !a.inline && !/calendar|\.ics$/i.test(`${a.type} ${a.name}`));

/** The newest files that others sent, each with who it was. */
export function RecentFiles({ workspaceId }: { workspaceId: string }) {
  const { emails } = useGoogleEmails(workspaceId, withFiles);
  const details = useQueries({
    queries: emails.slice(0, withFiles.limit).map((e) => ({
      queryKey: keys.mail.message(workspaceId, e.id),
      queryFn: ({ signal }: { signal: AbortSignal }) => googleIntegrationApi.email(workspaceId, e.id, signal),
      staleTime: 300_000,
    })),
  });
  const files = details
    .flatMap(({ data }) => (data ? filesOf(data).map((file) => ({ file, email: data })) : []))
    .slice(0, shown);
  if (files.length === 0) return null;
  return (
    <Section title="Recent files">
      <ul className={classes.files}>
        {files.map(({ file, email }) => (
          <li key={email.id + file.id}>
            <FileLink url={googleIntegrationApi.attachmentUrl(workspaceId, email.id, file.id)} file={file} />
            <Link
              to={paths.inbox}
              search={{ thread: email.gmail_thread_id, box: email.connection_id }}
              className={classes.from}
            >
              {displayName(email.from_name, email.from_email)}, {shortDate(email.gmail_date)}
            </Link>
          </li>
        ))}
      </ul>
      <Link to={paths.inbox} search={{ q: "has:attachment -from:me" }} className={classes.all}>
        Show all files you received
      </Link>
    </Section>
  );
}
