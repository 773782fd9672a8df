# Made by scripts/packages. No package manager has installed it so far: docs/INSTALL.md says what was tried.
# The engines are wheels for Linux in general: uv fetches them at the first start, and finds the libraries here.
{
  description = "A voice and ears for programs on your own machine";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      command = pkgs: name: pkgs.writeShellApplication {
        inherit name;
        runtimeInputs = [ pkgs.uv pkgs.python313 ];
        text = ''
          libraries=${pkgs.lib.makeLibraryPath [ pkgs.portaudio pkgs.stdenv.cc.cc.lib ]}
          export LD_LIBRARY_PATH="$libraries:''${LD_LIBRARY_PATH-}"
          exec uvx --python ${pkgs.python313}/bin/python --from 'hushd[default]==0.1.0' ${name} "$@"
        '';
      };
    in {
      packages = each (pkgs: {
        default = pkgs.symlinkJoin {
          name = "hushd-0.1.0";
          paths = map (command pkgs) [ "hushd" "say" "listen" ];
        };
      });
    };
}
