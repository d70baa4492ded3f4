import { notifications } from "@mantine/notifications";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { explain } from "@/lib/problem";

interface Options<V, R> {
  run: (value: V) => Promise<R>;
  /** What is read again when it is done, whatever its outcome. */
  stale: QueryKey[];
  /** Said when it is done. */
  done?: (result: R, value: V) => string;
  /** The heading of what is said when it fails; without it the caller shows the error. */
  failed?: string;
  onDone?: (result: R, value: V) => void;
  /** Acts of one line go one after the other. */
  line?: string;
}

/** One act of a person: it says how it ended and makes the lists read themselves again. */
export function useAct<V = void, R = unknown>({ run, stale, done, failed, onDone, line }: Options<V, R>) {
  const client = useQueryClient();
  return useMutation<R, unknown, V>({
    mutationFn: run,
    scope: line ? { id: line } : undefined,
    onSuccess: (result, value) => {
      if (done) notifications.show({ message: done(result, value) });
      onDone?.(result, value);
    },
    onError: (error) => {
      if (!failed) return;
      const { message, reference } = explain(error);
      notifications.show({
        color: "red",
        title: failed,
        message: reference ? `${message} (reference ${reference})` : message,
      });
    },
    onSettled: () => Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}
