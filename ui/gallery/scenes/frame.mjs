export default [{ name: "not-found", address: "#/nowhere" }];
