import { Button } from "@mantine/core";
import { MoreHorizontal, X } from "lucide-react";
import { useMemo, useState } from "react";
import pieces from "@/ui/pieces.module.css";
import { HtmlFrame } from "../MailBody";
import classes from "./Composer.module.css";
import { type Letter, textOf } from "./letter";

interface Props {
  letter: Letter;
  onChange: (next: Partial<Letter>) => void;
  /** Takes the quotation into the text, to answer between its lines. */
  onEdit: (html: string) => void;
}

/** Below the text: the signature, and the quotation folded. Each can be left out. */
export function Rest({ letter, onChange, onEdit }: Props) {
  const [shown, setShown] = useState(false);
  const { signature, quote } = letter;
  const signed = useMemo(() => textOf(signature), [signature]);
  if (letter.plain) return <PlainRest letter={letter} onChange={onChange} />;
  return (
    <>
      {signature && (
        <div className={classes.signature}>
          <div className={classes.signatureText}>{signed || <HtmlFrame html={signature} title="Signature" />}</div>
          <button
            type="button"
            className={pieces.sign}
            aria-label="Leave out the signature"
            onClick={() => onChange({ signature: "" })}
          >
            <X size={13} />
          </button>
        </div>
      )}
      {quote && (
        <div className={classes.quote}>
          <div className={classes.quoteTools}>
            <button
              type="button"
              className={classes.fold}
              aria-expanded={shown}
              aria-label={shown ? "Fold the quoted text" : "Show the quoted text"}
              title={shown ? "Fold the quoted text" : "Show the quoted text"}
              onClick={() => setShown(!shown)}
            >
              <MoreHorizontal size={14} />
            </button>
            {shown && (
              <>
                <Button size="xs" variant="subtle" onClick={() => onEdit(quote)}>
                  Edit it
                </Button>
                <Button size="xs" variant="subtle" onClick={() => onChange({ quote: "" })}>
                  Leave it out
                </Button>
              </>
            )}
          </div>
          {shown && <HtmlFrame html={quote} title="Quoted text" />}
        </div>
      )}
    </>
  );
}

function PlainRest({ letter, onChange }: Pick<Props, "letter" | "onChange">) {
  if (!letter.tail.trim()) return null;
  return (
    <details className={classes.plainRest}>
      <summary>{letter.quote ? "Signature and quoted text" : "Signature"}</summary>
      <pre>{letter.tail.trim()}</pre>
      <Button size="xs" variant="subtle" onClick={() => onChange({ tail: "" })}>
        Leave it out
      </Button>
    </details>
  );
}
