import { useWorkspaceId } from "@/app/session";
import { googleIntegrationApi } from "@/lib/api";
import { plural } from "@/lib/format";
import type { Attachment, Email } from "@/lib/types";
import { FileLink } from "@/ui/FileLink";
import classes from "./Attachments.module.css";

/** The files of a message; pictures that stand in its text are not listed again. */
export const filesOf = (email: Email): Attachment[] => email.attachments.filter((a) => !a.inline);

export function MailFile({ email, file }: { email: string; file: Attachment }) {
  const workspaceId = useWorkspaceId();
  return <FileLink url={googleIntegrationApi.attachmentUrl(workspaceId, email, file.id)} file={file} />;
}

export function Attachments({ email }: { email: Email }) {
  const files = filesOf(email);
  if (files.length === 0) return null;
  return (
    <div className={classes.files}>
      <p className={classes.title}>{plural(files.length, "file")}</p>
      <ul className={classes.list}>
        {files.map((file) => (
          <li key={file.id}>
            <MailFile email={email.id} file={file} />
          </li>
        ))}
      </ul>
    </div>
  );
}
