import { ActionIcon, FocusTrap } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { GoogleStatus, Outgoing } from "@/lib/types";
import { Bones, Failed, Hint } from "@/ui/kit";
import { begin } from "./begin";
import classes from "./Composer.module.css";
import type { Letter, Start } from "./letter";
import { Sheet } from "./Sheet";

export interface ComposerProps {
  workspaceId: string;
  status: GoogleStatus | undefined;
  start: Start;
  /** It is in Gmail's drafts now: a reload finds it there. */
  onSaved: (letter: Letter) => void;
  onSent: (out: Outgoing, letter: Letter) => void;
  onDiscarded: (letter: Letter) => void;
  onClose: () => void;
}

let opened = 0;

/** Where mail is written. It slides in from below; on a phone it is the whole screen. */
export default function Composer(props: ComposerProps) {
  const { workspaceId, status, start, onClose } = props;
  const client = useQueryClient();
  const [nonce] = useState(() => ++opened);
  const phone = useMediaQuery("(max-width: 720px)", false) ?? false;
  const [title, setTitle] = useState("New message");
  const { data, error, refetch } = useQuery({
    queryKey: ["composer", nonce],
    queryFn: () => begin(client, workspaceId, status, start),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  useFocusBack();
  const root = useRef<HTMLDivElement>(null);
  // Who types at once must not meet the keys of the list while this opens.
  useEffect(() => {
    if (!root.current?.contains(document.activeElement)) root.current?.focus({ preventScroll: true });
  }, []);
  return (
    <FocusTrap active={phone}>
      <section
        ref={root}
        className={classes.sheet}
        role="dialog"
        aria-label={title}
        aria-modal={phone || undefined}
        data-composer
        tabIndex={-1}
        onKeyDown={(event) => {
          // The keys of the list are not meant here.
          if (!(event.ctrlKey || event.metaKey) || event.key === "Enter") event.nativeEvent.stopPropagation();
        }}
      >
        {data ? (
          <Sheet {...props} first={data} onTitle={setTitle} />
        ) : (
          <>
            <header className={classes.head}>
              <h2>{error ? "Not opened" : "Opening"}</h2>
              <CloseButton onClick={onClose} />
            </header>
            {error ? (
              <Failed error={error} retry={refetch} title="The message could not be opened" />
            ) : (
              <Bones rows={4} />
            )}
          </>
        )}
      </section>
    </FocusTrap>
  );
}

export function CloseButton({ onClick }: { onClick: () => void }) {
  return (
    <Hint label="Close, and keep the draft" keys="Esc">
      <ActionIcon aria-label="Close" onClick={onClick}>
        <X size={16} />
      </ActionIcon>
    </Hint>
  );
}

/** Whoever closes it is where they were. */
function useFocusBack() {
  const before = useRef(document.activeElement);
  useEffect(() => {
    const element = before.current;
    return () => {
      if (element instanceof HTMLElement && element.isConnected) element.focus({ preventScroll: true });
    };
  }, []);
}
