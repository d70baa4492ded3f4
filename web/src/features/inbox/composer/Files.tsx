import { FileText, X } from "lucide-react";
import { bytes } from "@/lib/format";
import { cx } from "@/ui/kit";
import pieces from "@/ui/pieces.module.css";
import classes from "./Composer.module.css";
import { bytesOf, type LetterFile, mostBytes } from "./letter";

/** What goes along, with its sizes; in words when it is too much. */
export function Files({ files, onRemove }: { files: LetterFile[]; onRemove: (key: string) => void }) {
  if (files.length === 0) return null;
  const all = bytesOf(files);
  return (
    <div className={classes.files}>
      <ul aria-label="Files that go along">
        {files.map((f) => (
          <li key={f.key}>
            <FileText size={14} />
            <span className={cx(pieces.clip, classes.fileName)} title={f.name}>
              {f.name || "Unnamed file"}
            </span>
            <span className={classes.fileSize} data-number>
              {bytes(f.size)}
            </span>
            <button
              type="button"
              className={pieces.sign}
              aria-label={`Remove ${f.name}`}
              onClick={() => onRemove(f.key)}
            >
              <X size={13} />
            </button>
          </li>
        ))}
      </ul>
      {all > mostBytes && (
        <p className={classes.tooMuch} role="alert">
          {bytes(all)} together. A message can carry about {bytes(mostBytes)} of files: remove some, or send links to
          them.
        </p>
      )}
    </div>
  );
}
