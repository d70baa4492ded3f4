import { Button, Modal, Switch, TextInput } from "@mantine/core";
import { Check, Lock, Search } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useSession } from "@/app/session";
import { rows, usePages } from "@/hooks/usePages";
import { membersApi } from "@/lib/api";
import { plural } from "@/lib/format";
import { keys } from "@/lib/keys";
import type { Email, Member } from "@/lib/types";
import { DialogProblem } from "@/ui/Confirm";
import { Bones, Failed, Person } from "@/ui/kit";
import classes from "./ShareDialog.module.css";
import { membersOf, ofThread, useShares } from "./useShares";

interface Props {
  messages: Email[];
  onClose: () => void;
}

/** Opens a conversation to colleagues, shows who has it, and closes it again. */
export function ShareDialog({ messages, onClose }: Props) {
  const { workspace, user } = useSession();
  const first = messages[0];
  const { shares, isLoading, error, refresh, change } = useShares(
    workspace.id,
    first?.connection_id ?? "",
    first?.gmail_thread_id ?? "",
  );
  const closed = messages.filter((m) => m.protected).length;
  const all = ofThread(shares).some((s) => s.workspace);
  const has = new Set(membersOf(shares));
  const none = closed > 0 && closed === messages.length;
  return (
    <Modal opened onClose={onClose} title="Share this conversation" closeButtonProps={{ "aria-label": "Close" }}>
      <p className={classes.lead}>
        Whoever has it reads all of it here, with its files and with what is yet to come. Nothing is sent, and nothing
        changes in Gmail.
      </p>
      {closed > 0 && (
        <p className={classes.closed}>
          <Lock size={14} />
          <span>
            {none
              ? "This conversation is with a protected address. It stays yours alone and cannot be shared."
              : `${plural(closed, "message")} here ${closed === 1 ? "has" : "have"} a protected address and stay yours alone. The others can be shared.`}
          </span>
        </p>
      )}
      {isLoading && <Bones rows={3} />}
      {error && <Failed error={error} retry={refresh} title="Who has it could not be read" />}
      {!isLoading && !error && !none && (
        <>
          <div className={classes.everybody}>
            <label htmlFor="share-all">
              Everybody in {workspace.name}
              <small>
                {all ? "All members read it now, also those who join later." : "Also those who join later."}
              </small>
            </label>
            <Switch
              id="share-all"
              checked={all}
              disabled={change.isPending}
              onChange={(event) => change.mutate({ who: "workspace", on: event.currentTarget.checked })}
            />
          </div>
          <Members
            workspaceId={workspace.id}
            me={user.id}
            has={has}
            all={all}
            busy={change.isPending ? change.variables?.who : undefined}
            onChange={(who, on) => change.mutate({ who, on })}
          />
          <DialogProblem error={change.error} />
        </>
      )}
    </Modal>
  );
}

interface MembersProps {
  workspaceId: string;
  me: string;
  has: ReadonlySet<string>;
  all: boolean;
  busy: string | undefined;
  onChange: (who: string, on: boolean) => void;
}

function Members({ workspaceId, me, has, all, busy, onChange }: MembersProps) {
  const [text, setText] = useState("");
  const q = useDeferredValue(text.trim());
  const list = usePages<Member>({
    queryKey: keys.memberList(workspaceId, q),
    read: (cursor, signal) => membersApi.list(workspaceId, { q: q || undefined, cursor, limit: 50 }, signal),
    keep: true,
  });
  const found = rows(list.data).filter((m) => m.user_id !== me);
  const sorted = [...found].sort((a, b) => Number(has.has(b.user_id)) - Number(has.has(a.user_id)));
  return (
    <>
      <TextInput
        aria-label="Find a colleague"
        placeholder="Find a colleague"
        leftSection={<Search size={14} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <ul className={classes.list} aria-label="Colleagues">
        {sorted.map((m) => (
          <li key={m.user_id}>
            <Person name={m.name} email={m.email} />
            {has.has(m.user_id) ? (
              <span className={classes.has}>
                <span>
                  <Check size={13} /> Has it
                </span>
                <Button
                  size="xs"
                  loading={busy === m.user_id}
                  aria-label={`Stop sharing with ${m.name || m.email}`}
                  onClick={() => onChange(m.user_id, false)}
                >
                  Stop
                </Button>
              </span>
            ) : (
              <Button
                size="xs"
                disabled={all}
                loading={busy === m.user_id}
                aria-label={`Share with ${m.name || m.email}`}
                onClick={() => onChange(m.user_id, true)}
              >
                Share
              </Button>
            )}
          </li>
        ))}
      </ul>
      {!list.isPending && sorted.length === 0 && (
        <p className={classes.nobody}>{q ? "Nobody has this name." : "There is nobody else in this workspace yet."}</p>
      )}
      {list.hasNextPage && (
        <Button size="xs" variant="subtle" onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
    </>
  );
}
