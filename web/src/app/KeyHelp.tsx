import { Modal } from "@mantine/core";
import { type Action, useAllActions } from "@/actions/actions";
import { shown } from "@/actions/keys";
import { Kbd } from "@/ui/kit";
import classes from "./KeyHelp.module.css";

/** The keys of the page, read from its actions, so that the list is never out of date. */
export function KeyHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const groups = groupBy(keyed(useAllActions()));
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Keyboard shortcuts"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <div className={classes.columns}>
        {groups.map(([group, actions]) => (
          <section key={group} className={classes.group}>
            <h3>{group}</h3>
            <dl>
              {actions.map((action) => (
                <div key={action.id}>
                  <dt>{action.label}</dt>
                  <dd>
                    {action.keys?.slice(0, 2).map((k) => (
                      <Kbd key={k} keys={shown(k)} />
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}

/** Those with a key. Where two have the same one, the page's own is meant: it comes first. */
export function keyed(actions: Action[]): Action[] {
  const taken = new Set<string>();
  return actions.filter((a) => {
    const key = a.quiet ? undefined : a.keys?.[0];
    if (!key || taken.has(key)) return false;
    taken.add(key);
    return true;
  });
}

export function groupBy(actions: Action[]): [string, Action[]][] {
  const groups = new Map<string, Action[]>();
  for (const action of actions) groups.set(action.group, [...(groups.get(action.group) ?? []), action]);
  return [...groups];
}
