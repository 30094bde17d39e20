import { describe, expect, test } from "vitest";
import { compileRoute } from "./routes.ts";

describe("a route", () => {
  test.each([
    ["api/files", "/api/files", {}],
    ["api/files", "/API/Files/", {}],
    ["api/files", "/api/files/more", undefined],
    ["api/{id}", "/api/Seven", { id: "Seven" }],
    ["api/{id}", "/api", undefined],
    ["api/{id}", "/api/a%2Fb", { id: "a/b" }],
    ["api/{id}", "/api/%E0%A4%A", undefined],
    ["api/{id?}", "/api", {}],
    ["api/{id?}", "/api/7", { id: "7" }],
    ["api/{id:int}", "/api/-7", { id: "-7" }],
    ["api/{id:int}", "/api/7x", undefined],
    ["api/{id:int}", "/api/2147483648", undefined],
    ["api/{id:int?}", "/api", {}],
    ["api/{x:length(3)}", "/api/abc", { x: "abc" }],
    ["api/{x:length(3)}", "/api/abcd", undefined],
    ["api/{x:length(2,3)}", "/api/ab", { x: "ab" }],
    [
      "api/{x:guid}",
      "/api/1f0f63b2-5f7a-4a54-9d4e-0a7c9f3f9a11",
      { x: "1f0f63b2-5f7a-4a54-9d4e-0a7c9f3f9a11" },
    ],
    ["api/{x:range(1,5)}", "/api/6", undefined],
    ["api/{x:regex(^[0-9a-f]{{2}}$)}/end", "/api/0A/end", { x: "0A" }],
    ["api/{x:regex(^[0-9a-f]{{2}}$)}/end", "/api/0Ab/end", undefined],
    ["api/{x:alpha:minlength(2)}", "/api/a", undefined],
    ["api/{*rest}", "/api/a/b/c", { rest: "a/b/c" }],
    ["api/{*rest}", "/api", {}],
    ["api/v{major}.{minor}", "/api/v1.2", { major: "1", minor: "2" }],
    ["api/a+b(c)", "/api/a+b(c)", {}],
  ])("the route %s over %s gives %j", (template, path, expected) => {
    expect(compileRoute(template)(path)).toEqual(expected);
  });

  test.each([
    ["api/{id", "brace"],
    ["api//x", "empty segment"],
    ["api/{id:colour}", "constraint"],
    ["api/{id?}/x", "last"],
    ["api/{*all}/x", "last"],
    ["api/{}", "parameter name"],
  ])("refuses the route %s for its %s", (template, reason) => {
    expect(() => compileRoute(template)).toThrow(reason);
  });
});
