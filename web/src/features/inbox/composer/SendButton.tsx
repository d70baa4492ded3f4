import { ActionIcon, Button, Menu, Modal, TextInput } from "@mantine/core";
import { CalendarClock, ChevronDown, Clock } from "lucide-react";
import { useRef, useState } from "react";
import { DialogFoot } from "@/ui/Confirm";
import classes from "./Composer.module.css";
import { ahead, fieldValue, times } from "./when";

interface Props {
  busy: boolean;
  onSend: (at?: Date) => void;
}

/** Send, now or at a time. */
export function SendButton({ busy, onSend }: Props) {
  const [picking, setPicking] = useState(false);
  const later = useRef<HTMLButtonElement>(null);
  // Without the focus, the next keys would be those of the list.
  const picked = () => {
    setPicking(false);
    later.current?.focus();
  };
  return (
    <div className={classes.send}>
      <Button variant="filled" loading={busy} onClick={() => onSend()} title="Send (Ctrl or ⌘ and Enter)">
        Send
      </Button>
      <Menu position="top-start" width={320}>
        <Menu.Target>
          <ActionIcon
            ref={later}
            variant="filled"
            size={32}
            aria-label="Send later"
            disabled={busy}
            className={classes.later}
          >
            <ChevronDown size={15} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Send later</Menu.Label>
          {times(new Date()).map(({ label, at }) => (
            <Menu.Item
              key={label}
              leftSection={<Clock size={14} />}
              rightSection={<span className={classes.when}>{ahead(at)}</span>}
              onClick={() => onSend(at)}
            >
              {label}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<CalendarClock size={14} />} onClick={() => setPicking(true)}>
            Pick a date and time
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {picking && (
        <PickTime
          verb="Send then"
          onPick={(at) => {
            picked();
            onSend(at);
          }}
          onClose={picked}
        />
      )}
    </div>
  );
}

interface PickProps {
  verb: string;
  first?: Date;
  onPick: (at: Date) => void;
  onClose: () => void;
}

export function PickTime({ verb, first, onPick, onClose }: PickProps) {
  const [text, setText] = useState(() => fieldValue(first ?? times(new Date())[0]?.at ?? new Date()));
  const at = new Date(text);
  const known = !Number.isNaN(at.getTime());
  const past = known && at.getTime() < Date.now();
  return (
    <Modal opened onClose={onClose} title="Pick a date and time" size="sm" closeButtonProps={{ "aria-label": "Close" }}>
      <TextInput
        type="datetime-local"
        label="Send at"
        data-autofocus
        description="In the time zone of this device. It is sent also when this page is closed."
        min={fieldValue(new Date())}
        value={text}
        error={past ? "This time is over." : undefined}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <DialogFoot>
        <Button variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button variant="filled" disabled={!known || past} onClick={() => onPick(at)}>
          {verb}
        </Button>
      </DialogFoot>
    </Modal>
  );
}
