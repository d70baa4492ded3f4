/** Mantine's parts in our own clothes: it supplies behaviour, tokens.css the look. */
import {
  ActionIcon,
  Button,
  Checkbox,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Menu,
  Modal,
  Notification,
  NumberInput,
  PasswordInput,
  Progress,
  Radio,
  Select,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
  Tooltip,
} from "@mantine/core";
import classes from "./theme.module.css";

const pine: MantineColorsTuple = [
  "#e5f1ed",
  "#c8e1d9",
  "#a3cfc1",
  "#78b9a6",
  "#4fa28b",
  "#2c8a72",
  "#17765f",
  "#0f6655",
  "#0a5445",
  "#074236",
];

const transitions = { transition: "pop" as const, duration: 120 };

export const theme = createTheme({
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  primaryColor: "pine",
  primaryShade: 7,
  colors: { pine },
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.25rem" },
  headings: { fontWeight: "570" },
  components: {
    Button: Button.extend({ defaultProps: { size: "sm", variant: "default" }, classNames: { root: classes.button } }),
    ActionIcon: ActionIcon.extend({
      defaultProps: { variant: "subtle", size: 28 },
      classNames: { root: classes.icon },
    }),
    TextInput: TextInput.extend({ classNames: field(), defaultProps: { size: "sm" } }),
    PasswordInput: PasswordInput.extend({ classNames: field(), defaultProps: { size: "sm" } }),
    NumberInput: NumberInput.extend({ classNames: field(), defaultProps: { size: "sm", hideControls: true } }),
    Select: Select.extend({
      classNames: { ...field(), dropdown: classes.dropdown, option: classes.item },
      defaultProps: { size: "sm", allowDeselect: false, comboboxProps: { transitionProps: transitions } },
    }),
    Textarea: Textarea.extend({
      classNames: { ...field(), input: `${classes.input} ${classes.area}` },
      defaultProps: { size: "sm" },
    }),
    TagsInput: TagsInput.extend({
      classNames: { ...field(), input: `${classes.input} ${classes.tags}`, pill: classes.tag },
      defaultProps: { size: "sm" },
    }),
    Switch: Switch.extend({ defaultProps: { size: "sm" }, classNames: { track: classes.track } }),
    Checkbox: Checkbox.extend({
      defaultProps: { size: "xs" },
      classNames: { input: classes.box, label: classes.boxLabel, description: classes.boxDetail },
    }),
    Radio: Radio.extend({ defaultProps: { size: "xs" }, classNames: { radio: classes.box } }),
    Menu: Menu.extend({
      // The placeholder that takes the focus is no child a menu may have.
      defaultProps: { transitionProps: transitions, shadow: "none", offset: 4, withInitialFocusPlaceholder: false },
      classNames: {
        dropdown: classes.dropdown,
        item: classes.item,
        label: classes.menuLabel,
        divider: classes.divider,
      },
    }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 350, withArrow: false, transitionProps: { duration: 100 } },
      classNames: { tooltip: classes.tooltip },
    }),
    Modal: Modal.extend({
      defaultProps: { centered: true, padding: 20, radius: 12, transitionProps: transitions, shadow: "none" },
      classNames: {
        content: classes.modal,
        title: classes.modalTitle,
        header: classes.modalHeader,
        overlay: classes.overlay,
      },
    }),
    Notification: Notification.extend({
      defaultProps: { closeButtonProps: { "aria-label": "Dismiss" } },
      classNames: { root: classes.toast },
    }),
    Progress: Progress.extend({ classNames: { root: classes.progress, section: classes.progressSection } }),
  },
});

function field() {
  return { input: classes.input, label: classes.label, description: classes.description, error: classes.error };
}

export const cssVariables: CSSVariablesResolver = () => {
  const both = {
    "--mantine-color-body": "var(--surface)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--ink-2)",
    "--mantine-color-placeholder": "var(--ink-3)",
    "--mantine-color-error": "var(--bad)",
    "--mantine-color-default": "var(--raised)",
    "--mantine-color-default-hover": "var(--sunken)",
    "--mantine-color-default-color": "var(--ink)",
    "--mantine-color-default-border": "var(--line-strong)",
    "--mantine-color-anchor": "var(--accent-ink)",
    "--mantine-color-pine-filled": "var(--accent)",
    "--mantine-color-pine-filled-hover": "var(--accent-hover)",
    "--mantine-primary-color-filled": "var(--accent)",
    "--mantine-primary-color-filled-hover": "var(--accent-hover)",
    "--mantine-primary-color-contrast": "var(--on-accent)",
  };
  return { variables: {}, light: both, dark: both };
};
