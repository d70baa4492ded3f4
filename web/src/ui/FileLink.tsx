import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Download, File, FileArchive, FileImage, FileSpreadsheet, FileText } from "lucide-react";
import { type ComponentType, type MouseEvent, useRef, useState } from "react";
import { fetchFile, save } from "../lib/download";
import { bytes } from "../lib/format";
import { explain, Problem } from "../lib/problem";
import type { Attachment } from "../lib/types";
import classes from "./FileLink.module.css";

function iconFor(file: Attachment): ComponentType<{ size?: number; strokeWidth?: number }> {
  const what = `${file.type} ${file.name}`.toLowerCase();
  if (what.includes("image/")) return FileImage;
  if (/sheet|excel|csv|xlsx?$/.test(what)) return FileSpreadsheet;
  if (/zip|gzip|tar|7z/.test(what)) return FileArchive;
  if (/pdf|text|word|docx?$|rtf/.test(what)) return FileText;
  return File;
}

/** A file to save. While it comes it shows how much there is, and pressing it again ends that. */
export function FileLink({ url, file }: { url: string; file: Attachment }) {
  const { done, press } = useDownload(url, file);
  const Icon = iconFor(file);
  const name = file.name || "Unnamed file";
  const going = done !== undefined;
  const share = going && file.size > 0 ? Math.min(1, done / file.size) : 0;
  return (
    <a
      className={classes.file}
      href={url}
      download={file.name}
      title={going ? `Stop downloading ${name}` : `Download ${name} (${bytes(file.size)})`}
      aria-busy={going || undefined}
      onClick={press}
    >
      <Icon size={16} strokeWidth={1.75} />
      <span className={classes.name}>{name}</span>
      <span className={classes.size} data-number>
        {going ? `${bytes(done)} of ${bytes(file.size)}` : bytes(file.size)}
      </span>
      <Download size={14} className={classes.get} />
      {going && (
        <span
          className={classes.bar}
          role="progressbar"
          aria-label={`Downloading ${name}`}
          aria-valuenow={Math.round(share * 100)}
          style={{ transform: `scaleX(${share})` }}
        />
      )}
    </a>
  );
}

/** A new value for every chunk would be a new picture for every chunk. */
const everyMs = 80;

function useDownload(url: string, file: Attachment) {
  const [done, setDone] = useState<number>();
  const running = useRef<AbortController | undefined>(undefined);

  const get = async () => {
    const control = new AbortController();
    running.current = control;
    setDone(0);
    let last = 0;
    try {
      const got = await fetchFile(
        url,
        (n) => {
          if (Date.now() - last < everyMs) return;
          last = Date.now();
          setDone(n);
        },
        control.signal,
      );
      save(got, file.name || "attachment");
    } catch (error) {
      if (!control.signal.aborted) failed(error);
    } finally {
      running.current = undefined;
      setDone(undefined);
    }
  };
  const failed = (error: unknown) => {
    const id = `download ${url}`;
    const { message, reference } = explain(error);
    const again = () => {
      notifications.hide(id);
      void get();
    };
    notifications.hide(id);
    notifications.show({
      id,
      color: "red",
      autoClose: 15_000,
      title: `${file.name || "The file"} was not downloaded`,
      message: (
        <span className={classes.failed}>
          <span>
            {broken(error) ? "The connection ended before the whole file was there." : message}
            {reference && <span className={classes.reference}> Reference {reference}</span>}
          </span>
          <Button size="xs" onClick={again}>
            Try again
          </Button>
        </span>
      ),
    });
  };
  const press = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (running.current) running.current.abort();
    else void get();
  };
  return { done, press };
}

const broken = (error: unknown) => error instanceof Problem && error.offline && navigator.onLine;
