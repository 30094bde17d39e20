/**
 * The commands that a Markdown text shows in its fenced `sh` blocks, as a reader would paste them,
 * one by one.
 */
export function listShownCommands(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  return blocks.flatMap((block) => {
    const commands: string[] = [];
    for (const line of block.trimEnd().split("\n")) {
      const last = commands.at(-1);
      if (last !== undefined && isUnfinished(last))
        commands[commands.length - 1] = `${last}\n${line}`;
      else commands.push(line);
    }
    return commands;
  });
}

/** An open quote or a backslash at the end: the next line belongs to it. */
const isUnfinished = (text: string): boolean =>
  (text.split("'").length - 1) % 2 === 1 || text.endsWith("\\");
