import { Download, File, FileArchive, FileImage, FileSpreadsheet, FileText } from "lucide-react";
import type { ComponentType } from "react";
import { useWorkspaceId } from "@/app/session";
import { googleIntegrationApi } from "@/lib/api";
import { bytes, plural } from "@/lib/format";
import type { Attachment, Email } from "@/lib/types";
import classes from "./Attachments.module.css";

/** The files of a message; pictures that stand in its text are not listed again. */
export const filesOf = (email: Email): Attachment[] => email.attachments.filter((a) => !a.inline);

function iconFor(file: Attachment): ComponentType<{ size?: number; strokeWidth?: number }> {
  const what = `${file.type} ${file.name}`.toLowerCase();
  if (what.includes("image/")) return FileImage;
  if (/sheet|excel|csv|xlsx?$/.test(what)) return FileSpreadsheet;
  if (/zip|gzip|tar|7z/.test(what)) return FileArchive;
  if (/pdf|text|word|docx?$|rtf/.test(what)) return FileText;
  return File;
}

export function FileLink({ email, file }: { email: string; file: Attachment }) {
  const workspaceId = useWorkspaceId();
  const Icon = iconFor(file);
  return (
    <a
      className={classes.file}
      href={googleIntegrationApi.attachmentUrl(workspaceId, email, file.id)}
      download={file.name}
      title={`Download ${file.name} (${bytes(file.size)})`}
    >
      <Icon size={16} strokeWidth={1.75} />
      <span className={classes.name}>{file.name || "Unnamed file"}</span>
      <span className={classes.size}>{bytes(file.size)}</span>
      <Download size={14} className={classes.get} />
    </a>
  );
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
            <FileLink email={email.id} file={file} />
          </li>
        ))}
      </ul>
    </div>
  );
}
