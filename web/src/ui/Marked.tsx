import { marked } from "../lib/searchWords";
import classes from "./Marked.module.css";

/** A text with the words of a search marked in it. */
export function Marked({ text, words }: { text: string; words: string[] }) {
  if (words.length === 0) return text;
  return marked(text, words).map((part, i) =>
    part.hit ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change their places
      <mark key={i} className={classes.hit}>
        {part.text}
      </mark>
    ) : (
      part.text
    ),
  );
}
