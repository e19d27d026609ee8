<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'CimTypesDsc' -ModuleVersion '2.5.0.1'
    Import-DscResource -ModuleName 'MimSyncDsc' -ModuleVersion '0.3.0'

    Node 'node1'
    {
        Nest 'deep'
        {
            Id    = 'deep'
            One   = T_Leaf {
                Name = 'one'
                Size = 1
                Flag = $true
                Tags = @('a', 'b')
            }
            Many  = @(
                T_Leaf {
                    Name = 'first'
                }
                T_Leaf {
                    Name = 'second'
                    Size = 2
                }
            )
            Tree  = T_Branch {
                Label  = 'root'
                Leaf   = T_Leaf {
                    Name = 'inner'
                }
                Leaves = @(
                    T_Leaf {
                        Name = 'l1'
                    }
                    T_Leaf {
                        Name = 'l2'
                    }
                )
            }
            Trees = @(
                T_Branch {
                    Label  = 't1'
                    Leaves = @(
                        T_Leaf {
                            Name = 'alone'
                        }
                    )
                }
                T_Branch {
                    # Label is NULL: left out
                }
            )
            Pairs = @{
                'text' = 'C:\x "q"'
                'number' = '5'
                'flag' = 'True'
                'real' = '1.5'
                'large' = '1E+21'
                'with space' = ''
                'it''s' = ('two' + [char]0x000A + 'lines')
            }
        }
        Nest 'empty'
        {
            Id     = 'empty'
            Many   = @()
            Trees  = @()
            Pairs  = @()
            Logins = @()
        }
        Nest 'pairs as instances'
        {
            Id    = 'pairs'
            Pairs = @(
                MSFT_KeyValuePair {
                    Key   = 'a'
                    Value = '1'
                }
                MSFT_KeyValuePair {
                    Key   = 'A'
                    Value = '2'
                }
                MSFT_KeyValuePair {
                    Key = 'b'
                }
            )
        }
        MimSyncConfiguration 'Rules'
        {
            Name              = 'Rules'
            ConfigurationPath = 'C:\MIM\configuration'
            Rules             = @(
                MSFT_MimSyncRule {
                    MetaverseAttribute = 'displayName'
                    Kind               = 'Direct'
                    Sources            = @('displayName')
                    Precedence         = 1
                }
                MSFT_MimSyncRule {
                    MetaverseAttribute = 'department'
                    Kind               = 'Constant'
                }
            )
            Parameters        = @{
                'server' = 'dc01'
            }
            PurgeUnknown      = $false
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
