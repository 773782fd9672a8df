// Tells VS Code of hushd's MCP server: the hushd that the settings name, or the one that uv brings.
const vscode = require("vscode");

const UVX = ["uvx", "--from", "hushd[default]", "hushd", "mcp"];

exports.activate = (context) => {
  const changed = new vscode.EventEmitter();
  const provider = {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: () => {
      const named = vscode.workspace.getConfiguration("hushd").get("command");
      const [command, ...words] = named ? [named, "mcp"] : UVX;
      const version = context.extension.packageJSON.version;
      return [new vscode.McpStdioServerDefinition("hushd", command, words, {}, version)];
    },
  };
  context.subscriptions.push(
    changed,
    vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("hushd") && changed.fire()),
    vscode.lm.registerMcpServerDefinitionProvider("hushd", provider),
  );
};
